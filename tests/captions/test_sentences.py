"""Sentences cut to a length, here in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorabuild.captions.sentences import shortened

TEXTS = ["A cat sits on the mat, by Mr. A. Smith (3.5 m). \u201cIt rains!\u201d Does it?", "two hats . a cape"]


def words(texts):
    return len(" ".join(texts).split())


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        (0, []),
        (1, ["A"]),
        (6, ["A cat sits on the mat"]),
        (10, ["A cat sits on the mat, by Mr. A. Smith"]),
        (12, ["A cat sits on the mat, by Mr. A. Smith (3.5 m)."]),
        (14, ["A cat sits on the mat, by Mr. A. Smith (3.5 m). \u201cIt rains!\u201d"]),
        (17, TEXTS[:1]),
        (20, [TEXTS[0], "two hats ."]),
        (21, TEXTS),
    ],
)
def test_whole_sentences_as_long_as_they_fit_else_words(most, expected):
    assert shortened(TEXTS, words, most) == expected


def test_where_no_blank_parts_sentences():
    found = shortened(["\u732b\u3002\u72ac\uff01"], lambda texts: len("".join(texts)), 3)
    assert found == ["\u732b\u3002"]


TEXT = st.text(st.sampled_from("ab.,!( -"), max_size=20).map(str.split).map(" ".join).filter(bool)


@given(st.lists(TEXT, max_size=4), st.integers(0, 12))
def test_never_more_than_may_be_and_only_what_was_said(texts, most):
    found = shortened(texts, words, most)
    assert words(found) <= most
    assert found[:-1] == texts[: max(0, len(found) - 1)]
    assert not found or texts[len(found) - 1].startswith(found[-1])
    assert shortened(found, words, most) == found
