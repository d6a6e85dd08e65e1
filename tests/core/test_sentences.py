import pytest

from lorabuild.core.sentences import whole


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A cat sits. It is on the m", "A cat sits."),
        ("A cat sits. It is on the mat.", "A cat sits. It is on the mat."),
        ("\u201cIt rains!\u201d says Mr. A. Sm", "\u201cIt rains!\u201d"),
        ("a cat that is 3.5 m long, and wh", "a cat that is 3.5 m long, and"),
        ("a cat, a", "a cat"),
        ("a cat (wh", "a cat"),
        ("\u732b\u3002\u72ac", "\u732b\u3002"),
        ("\u732b\u72ac", "\u732b\u72ac"),
        ("cat", "cat"),
        ("", ""),
    ],
)
def test_what_was_broken_off_ends_with_its_last_sentence_else_its_last_whole_word(text, expected):
    assert whole(text) == expected
