import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorabuild.core.settling import LEAST, PATIENCE, QUIET, Settling
from lorabuild.core.stamps import Stamp


def mark(size):
    return Stamp(size, 1, 1, 1, 1)


def test_nothing_changed_is_never_ripe():
    settling = Settling()
    assert not settling.ripe({}, 0.0)
    assert not settling.ripe({}, 100.0)
    assert settling.waited(100.0) == 0.0


def test_a_change_is_ripe_when_it_was_quiet_for_a_moment():
    settling = Settling()
    assert not settling.ripe({"a": mark(1)}, 10.0)
    assert settling.left(10.0) == pytest.approx(QUIET)
    assert not settling.ripe({"a": mark(1)}, 10.2)
    assert settling.left(10.2) < QUIET
    assert settling.ripe({"a": mark(1)}, 10.01 + QUIET)
    assert settling.waited(10.5) == 0.5


def test_every_change_of_the_series_starts_the_wait_again():
    settling = Settling()
    for step in range(9):
        assert not settling.ripe({f"{number}": mark(1) for number in range(step + 1)}, step * 0.2)
    assert settling.ripe({f"{number}": mark(1) for number in range(9)}, 8 * 0.2 + QUIET)


def test_a_file_that_grows_is_waited_for_and_after_a_while_named_once():
    settling, named = Settling(), []
    for step in range(100):
        now = step * 0.2
        assert not settling.ripe({"a": mark(step), "whole": mark(1)}, now)
        named += [(path, now)] if (path := settling.late(now)) else []
    assert named == [("a", PATIENCE)]
    assert not settling.ripe({"a": mark(100), "whole": mark(1)}, 100.0)
    assert settling.ripe({"a": mark(100), "whole": mark(1)}, 101.0)


def test_the_next_changes_are_another_matter():
    settling = Settling()
    settling.ripe({"a": mark(1)}, 0.0)
    assert settling.late(10.0) == "a"
    settling.over()
    assert settling.late(20.0) == ""
    settling.ripe({"a": mark(2)}, 20.0)
    assert settling.waited(20.0) == 0.0
    assert settling.late(30.0) == "a"


def test_a_deletion_must_be_quiet_too():
    """A backup-style save takes the file away for a moment."""
    settling = Settling()
    assert not settling.ripe({"a": None}, 0.0)
    assert not settling.ripe({"a": mark(2)}, QUIET)
    assert settling.ripe({"a": mark(2)}, 2 * QUIET)


def test_a_change_that_was_taken_back_is_none():
    settling = Settling()
    settling.ripe({"a": mark(1)}, 0.0)
    assert not settling.ripe({}, 5.0)
    assert not settling.ripe({"a": mark(1)}, 6.0)


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(0, 2)), max_size=40))
def test_what_is_ripe_looked_the_same_in_every_look_of_a_quiet_time(looks):
    settling, step = Settling(), QUIET / 2.9  # in a quiet time and the moment before it there are four looks
    for number, sizes in enumerate(looks):
        changed = {name: mark(size) for name, size in sizes.items()}
        if settling.ripe(changed, number * step):
            assert number >= 3
            last = looks[number - 3 : number + 1]
            assert all(seen.get(name) == size for seen in last for name, size in sizes.items())
        assert LEAST <= settling.left(number * step) < QUIET + LEAST
