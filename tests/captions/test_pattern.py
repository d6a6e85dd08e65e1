import pytest

from lorabuild.captions.pattern import matcher, named_words
from lorabuild.captions.tags import spelling_key


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


def test_no_pattern_matches_nothing_and_several_match_any():
    assert not matcher(())("hat")
    assert matcher(("cap", "hat"))("hat")


@pytest.mark.parametrize(
    ("pattern", "found"),
    [("*_boots", {"boots"}), ("black_*", {"black"}), ("[ab]_shoe", {"shoe"}), ("boot*", set()), ("*", set())],
)
def test_words_that_a_pattern_spells_out(pattern, found):
    assert named_words(pattern) == found
