import pytest
from pictures import HEIGHT, WIDTH, encoded, picture, turned, with_alpha
from recorded import Recorded

from lorabuild.core.digest import digest
from lorabuild.core.item import Item
from lorabuild.images.decode import prepared
from lorabuild.schema.project import Project
from lorabuild.schema.site import Site
from lorabuild.stages import prepare


def site(folder, **images):
    settings = {"name": "zorbl", "base": {"model": "base"}, "concepts": {"plain": {"folder": "."}}, "images": images}
    return Site(Project.model_validate(settings), folder)


def item(folder, name, data):
    path = folder / name
    path.write_bytes(data)
    return Item(name, "b3:" + name, reads={"path": str(path), "file": digest(data)})


def run(where, *items):
    recorded = Recorded()
    prepare.run(items, where, recorded, recorded.emit)
    return recorded


def test_facts_are_what_later_stages_see(tmp_path):
    found = run(
        site(tmp_path), item(tmp_path, "a.png", encoded(with_alpha())), item(tmp_path, "b.jpg", turned(picture(), 8))
    )
    for name, alpha in (("a.png", True), ("b.jpg", False)):
        again = prepared(tmp_path / name, site(tmp_path).project.images)
        assert found.facts[name] == {"pixels": again.pixels, "width": WIDTH, "height": HEIGHT, "alpha": alpha}
    assert found.records["a.png"]["pillow"]


@pytest.mark.parametrize(("data", "changes"), [(encoded(with_alpha()), True), (encoded(picture()), False)])
def test_the_background_matters_only_where_something_is_transparent(tmp_path, data, changes):
    one = item(tmp_path, "a.png", data)
    white, red = (run(site(tmp_path, background=colour), one).facts["a.png"] for colour in ("#ffffff", "#ff0000"))
    assert (white["pixels"] != red["pixels"]) == changes


def test_pixels_decide_not_the_file(tmp_path):
    found = run(
        site(tmp_path),
        item(tmp_path, "a.png", encoded(picture())),
        item(tmp_path, "b.webp", encoded(picture(), "webp")),
        item(tmp_path, "c.tiff", turned(picture(), 3, "tiff")),
    )
    assert len({facts["pixels"] for facts in found.facts.values()}) == 1


def test_a_broken_file_is_set_aside(tmp_path):
    found = run(
        site(tmp_path), item(tmp_path, "a.png", encoded(picture())[:60]), item(tmp_path, "b.png", encoded(picture()))
    )
    assert list(found.problems) == ["a.png"]
    assert list(found.facts) == ["b.png"]
    assert found.progress() == [1, 2]


def test_a_file_that_changed_since_the_plan_is_left_undone(tmp_path):
    one, two = item(tmp_path, "a.png", encoded(picture())), item(tmp_path, "b.png", encoded(picture()))
    (tmp_path / "a.png").write_bytes(encoded(picture(50, 50)))
    (tmp_path / "b.png").unlink()
    found = run(site(tmp_path), one, two)
    assert (found.facts, found.problems) == ({}, {})
    assert found.notes() == ["a.png", "b.png"]
