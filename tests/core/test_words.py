import sys
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorabuild.core.errors import ProjectError
from lorabuild.core.words import hand, hands, names, nearest


@pytest.mark.parametrize(
    ("word", "found"),
    [("treshold", "threshold"), ("Resolution", "resolution"), ("leraning_rate", "learning_rate"), ("zzz", None)],
)
def test_nearest(word, found):
    assert nearest(word, ["threshold", "resolution", "learning_rate"]) == found


def test_nearest_of_nothing():
    assert nearest("word", []) is None


def test_a_text_names_a_word_not_a_part_of_one():
    assert names("10 images of a can teach it", "a")
    assert names("a/b.png is twice there", "a/b.png")
    assert names("anything", "")
    assert not names("10 images are more than its share", "a")
    assert not names("zork_cape is seen 4 times", "zork")


@given(st.text(min_size=1), st.lists(st.text(min_size=1)))
def test_nearest_is_a_known_word(word, known):
    assert nearest(word, known) in {None, *known}


@pytest.fixture
def room(tmp_path, monkeypatch):
    """A room with two hands, one of which needs a package that nobody has."""
    (tmp_path / "red.py").write_text("COLOUR = 1\n", encoding="utf-8")
    (tmp_path / "blue.py").write_text("import no_such_package.part\n", encoding="utf-8")
    module = ModuleType("lorabuild.colours")
    module.__path__ = [str(tmp_path)]
    monkeypatch.setitem(sys.modules, "lorabuild.colours", module)
    yield "colours"
    sys.modules.pop("lorabuild.colours.red", None)


def test_hand(room):
    assert hands(room) == ("blue", "red")
    assert hand(room, "red").COLOUR == 1


def test_a_word_without_a_hand_names_the_nearest(room):
    with pytest.raises(ProjectError) as caught:
        hand(room, "rad")
    assert "'rad'" in caught.value.what
    assert caught.value.next_step == "write 'red'"


def test_a_strange_word_lists_the_hands(room):
    with pytest.raises(ProjectError, match="choose one of: blue, red"):
        hand(room, "../x")


def test_a_missing_package_is_named(room):
    with pytest.raises(ProjectError) as caught:
        hand(room, "blue")
    assert "no_such_package" in caught.value.what
    assert caught.value.next_step == "pip install no_such_package"
