import light
import pytest
from shapes import drawing

from lorabuild.core.claim import claim
from lorabuild.core.errors import BusyError
from lorabuild.graph import looks
from lorabuild.graph.session import viewing
from lorabuild.images import look


@pytest.fixture
def seen(project):
    """A project of which the pictures were looked at."""
    drawing(1, (80, 64)).save(project / "data/plain/b.png")
    light.built(project, targets=("prepare",))
    with viewing(light.opened(project)) as view:
        looks.made(view)
    return project


def known(root):
    with viewing(light.opened(root)) as view:
        return looks.known(view)


def test_nothing_is_known_before_pictures_are_looked_at(project):
    assert known(project) == {}
    light.built(project, targets=("prepare",))
    assert known(project) == {}


def test_what_was_seen_is_kept_by_the_pixels(seen, monkeypatch):
    before = known(seen)
    assert set(before) == {"plain", "cape"}
    monkeypatch.setattr(look, "look", None)
    (seen / "data/plain/b.png").rename(seen / "data/plain/z.png")
    light.built(seen, targets=("prepare",))
    with viewing(light.opened(seen)) as view:
        looks.made(view)
        assert looks.known(view) == before


def test_one_more_picture_is_looked_at_alone(seen, monkeypatch):
    asked, real = [], look.look
    monkeypatch.setattr(look, "look", lambda data: (asked.append(data), real(data))[1])
    drawing(2, (80, 64)).save(seen / "data/plain/y.png")
    light.built(seen, targets=("prepare",))
    with viewing(light.opened(seen)) as view:
        looks.made(view)
    assert asked == [(seen / "data/plain/y.png").read_bytes()]
    assert known(seen)


def test_a_busy_store_is_left_alone(project):
    light.built(project, targets=("prepare",))
    with (
        claim(project / ".lorabuild", wait=False, say=print),
        viewing(light.opened(project)) as view,
        pytest.raises(BusyError),
    ):
        looks.made(view)


def test_gc_knows_its_keys(seen):
    with viewing(light.opened(seen)) as view:
        held = view.store.results(looks.keys(view))
    assert {result.stage for result in held.values()} == {"look", "likeness"}
    assert len(held) == 4 + 2  # a and d are the same picture


def test_a_file_that_changes_meanwhile_is_left_for_the_next_time(project):
    light.built(project, targets=("prepare",))
    with light.viewed(project) as view:
        light.picture(project / "data/plain/b.png", "pink")
        looks.fill(view, view.store)
        assert set(looks.known(view)) == {"cape"}
