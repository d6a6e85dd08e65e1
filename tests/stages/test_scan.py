import pytest
from pictures import HEIGHT, SAVED, WIDTH, encoded, picture, turned
from recorded import Recorded

from lorabuild.core.digest import digest
from lorabuild.core.item import Item
from lorabuild.schema.project import Project
from lorabuild.schema.site import Site
from lorabuild.stages import scan

ORDER = ("width", "height", "format", "mode", "pixels")


@pytest.fixture
def site(tmp_path):
    settings = {"name": "zorbl", "base": {"model": "base"}, "concepts": {"plain": {"folder": "."}}}
    return Site(Project.model_validate(settings), tmp_path)


def item(folder, name, data, *, on_disk=None):
    path = folder / name
    path.write_bytes(data if on_disk is None else on_disk)
    return Item(name, "b3:" + name, reads={"path": str(path), "file": digest(data)})


def run(site, items):
    recorded = Recorded()
    scan.run(items, site, recorded, recorded.emit)
    return recorded


def test_every_file_gets_size_format_and_pixel_digest(site, tmp_path):
    items = [item(tmp_path, f"picture.{kind}", encoded(picture(), kind)) for kind in SAVED]
    found = run(site, items)
    assert list(found.facts) == [one.id for one in items]
    for facts in found.facts.values():
        assert set(facts) == set(ORDER)
        assert (facts["width"], facts["height"]) == (WIDTH, HEIGHT)
    assert found.facts["picture.png"]["pixels"] == found.facts["picture.bmp"]["pixels"]
    assert found.facts["picture.png"]["format"] == "png"
    assert all(record["pillow"] for record in found.records.values())


def test_the_size_is_that_of_the_upright_picture(site, tmp_path):
    found = run(site, [item(tmp_path, "turned.jpg", turned(picture(), 6))])
    assert (found.facts["turned.jpg"]["width"], found.facts["turned.jpg"]["height"]) == (WIDTH, HEIGHT)


def test_a_broken_file_is_set_aside_and_the_others_go_on(site, tmp_path):
    sound = encoded(picture())
    items = [
        item(tmp_path, "empty.png", b""),
        item(tmp_path, "a.png", sound),
        item(tmp_path, "cut.png", sound[: len(sound) // 2]),
        item(tmp_path, "page.png", b"<html>not found</html>"),
        item(tmp_path, "b.png", sound),
    ]
    found = run(site, items)
    assert list(found.facts) == ["a.png", "b.png"]
    assert list(found.problems) == ["empty.png", "cut.png", "page.png"]
    assert "empty" in found.problems["empty.png"]


def test_a_file_that_changed_since_the_plan_is_left_undone(site, tmp_path):
    changed = item(tmp_path, "changed.png", encoded(picture()), on_disk=encoded(picture(50, 50)))
    gone = item(tmp_path, "gone.png", encoded(picture()))
    (tmp_path / "gone.png").unlink()
    found = run(site, [changed, gone])
    assert not found.facts
    assert not found.problems
    assert found.notes() == ["changed.png", "gone.png"]


def test_progress_counts_every_item(site, tmp_path):
    items = [item(tmp_path, f"{n}.png", encoded(picture(8 + n, 8))) for n in range(9)]
    found = run(site, items)
    assert found.progress() == list(range(1, 10))
    assert {event.data["total"] for event in found.events} == {9}


def test_threads_change_nothing(site, tmp_path):
    items = [item(tmp_path, f"{n}.png", encoded(picture(8 + n, 8))) for n in range(12)]
    one = Site(
        site.project.model_copy(update={"device": site.project.device.model_copy(update={"threads": 1})}), tmp_path
    )
    assert run(site, items).facts == run(one, items).facts


def test_no_items_are_no_work(site):
    assert not run(site, []).events
