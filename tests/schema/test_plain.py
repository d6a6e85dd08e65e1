"""lorabuild.schema.plain: what an unquoted word means, and how a value is written."""

import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lorabuild.schema.document import read
from lorabuild.schema.plain import in_quotes, inline, meaning, quoted


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("NULL", None),
        ("nULL", "nULL"),
        ("yes", True),
        ("On", True),
        ("TRUE", True),
        ("no", False),
        ("off", False),
        ("oN", "oN"),
        ("y", "y"),
        ("n", "n"),
        ("1", 1),
        ("-7", -7),
        ("010", 10),
        ("1_000", 1000),
        ("0x10", "0x10"),
        ("1:30", "1:30"),
        ("1e-4", 1e-4),
        ("1.5", 1.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("2e3", 2000.0),
        ("1e9999", "1e9999"),
        ("e5", "e5"),
        (".", "."),
        ("2001-01-01", "2001-01-01"),
        ("1girl", "1girl"),
        ("9" * 19, 1e19),
        ("9" * 50, "9" * 50),
    ],
)
def test_an_unquoted_word_means_what_a_person_means(text, value):
    assert meaning(text) == value
    assert type(meaning(text)) is type(value)


def test_the_infinite_is_read_as_such():
    assert meaning(".inf") == math.inf
    assert meaning("-.INF") == -math.inf
    assert math.isnan(meaning(".nan"))


@given(st.text(st.characters(codec="utf-8")))
def test_quoted_text_is_read_back(text):
    document = read(f"a: {in_quotes(text)}", "x")
    assert document.problems == []
    assert document.data == {"a": text}


SAFE = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]))
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**17), 10**17)
    | st.floats(allow_nan=False, allow_infinity=False)
    | SAFE,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(SAFE, inner, max_size=4),
    max_leaves=8,
)


@given(VALUES)
def test_what_is_written_inline_is_read_back(value):
    document = read(f"a: {inline(value)}", "x")
    assert document.problems == []
    assert document.data == {"a": value}


@given(SAFE)
def test_other_readers_agree_on_what_is_written(text):
    assert yaml.safe_load(f"a: {in_quotes(text)}") == {"a": text}


@pytest.mark.parametrize("bare", ["zorbl", "dataset/plain", "a b", "owner/name@main", "v1.5"])
def test_what_is_safe_stands_bare(bare):
    assert quoted(bare) == bare


@pytest.mark.parametrize(
    "odd", ["", "yes", "1", "1e-4", "*_eyes", "#fff", "a: b", "a, b", " a", "a ", "{a}", "-", "no"]
)
def test_what_is_not_safe_stands_in_quotes(odd):
    assert quoted(odd) == f'"{odd}"'
