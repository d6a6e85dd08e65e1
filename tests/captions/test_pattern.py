import pytest

from lorabuild.captions.pattern import matcher, named_words
from lorabuild.captions.tags import spelling_key
from lorabuild.core.errors import ProjectError


@pytest.mark.parametrize(
    ("pattern", "tag"),
    [
        ("*_eyes", "blue_eyes"),
        ("*_eyes", "Blue Eyes"),
        ("* eyes", "blue_eyes"),
        ("MEME", "meme"),
        ("1*", "1girl"),
        ("?girls", "2girls"),
        ("[12]girl*", "1girl"),
        ("*_(*)", "skadi_(arknights)"),
    ],
)
def test_matches(pattern, tag):
    assert matcher((pattern,))(spelling_key(tag))


@pytest.mark.parametrize(
    ("pattern", "tag"),
    [("eyes", "blue_eyes"), ("*_eyes", "eyes"), ("hat", "chat"), ("a.c", "abc"), ("[12]girl", "3girl")],
)
def test_does_not_match(pattern, tag):
    assert not matcher((pattern,))(spelling_key(tag))


def test_a_group_stands_for_its_patterns_and_a_face_is_no_group():
    found = matcher(("@eye_color", "hat"))
    assert [found(key) for key in ("blue_eyes", "hat", "closed_eyes", "@_@")] == [True, True, False, False]
    assert matcher(("@_@",))("@_@")
    assert matcher(("@Eye_Color",))("blue_eyes")


def test_an_unknown_group_is_answered():
    with pytest.raises(ProjectError) as caught:
        matcher(("@eye_colour",))
    assert caught.value.next_step == "did you mean `@eye_color`?"


def test_no_pattern_matches_nothing_and_several_match_any():
    assert not matcher(())("hat")
    assert matcher(("cap", "hat"))("hat")


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*_boots", {"boots"}),
        ("black_*", {"black"}),
        ("[ab]_shoe", {"shoe"}),
        ("boot*", set()),
        ("*", set()),
        ("@Footwear", {"footwear"}),
    ],
)
def test_words_that_a_pattern_spells_out(pattern, found):
    assert named_words(pattern) == found
