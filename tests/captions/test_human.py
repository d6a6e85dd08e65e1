import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorabuild.captions.human import Override, parsed, tags_of, with_triggers

PAIR = ("zorbl", "zorbl_cape")


@pytest.mark.parametrize(
    ("text", "caption"),
    [
        ("forest, smile", "zorbl, zorbl_cape, forest, smile"),
        ("zorbl, forest", "zorbl, zorbl_cape, forest"),
        ("zorbl_cape, forest", "zorbl, zorbl_cape, forest"),
        ("Zorbl, zorbl_cape, forest", "Zorbl, zorbl_cape, forest"),
        ("zorbl_cape, zorbl, forest", "zorbl_cape, zorbl, forest"),
        ("", "zorbl, zorbl_cape"),
        (" \n", "zorbl, zorbl_cape"),
        ("zorbl,", "zorbl, zorbl_cape"),
        ("zorbl", "zorbl, zorbl_cape"),
        ("a zorbls, red", "zorbl, zorbl_cape, a zorbls, red"),
        ("zorbl_cape-like thing", "zorbl, zorbl_cape, zorbl_cape-like thing"),
    ],
)
def test_missing_triggers_come_first(text, caption):
    assert with_triggers(text, PAIR) == caption


@pytest.mark.parametrize(
    "prose", ["A drawing of zorbl, in the rain, smiling.", "Look: (zorbl)!", "forest , zorbl,,  a  b", "ZORBL"]
)
def test_nothing_else_is_altered(prose):
    assert with_triggers(prose, ["zorbl"]) == prose


def test_prose_with_commas_keeps_every_letter_behind_the_triggers():
    prose = "In a wood,  at dawn, it smiles."
    assert with_triggers(prose, ["zorbl"]) == f"zorbl, {prose}"


def test_lines_read_as_one_and_the_byte_order_mark_goes():
    assert with_triggers("\ufeffa tree \r\n  and a lake\n", []) == "a tree and a lake"


def test_a_trigger_may_have_characters_that_patterns_know():
    assert with_triggers("x", ["z.(b)"]) == "z.(b), x"
    assert with_triggers("z.(b), x", ["z.(b)"]) == "z.(b), x"


def test_tags_of_a_text_are_its_pieces_without_triggers():
    assert tags_of("Zorbl, forest, , smile, forest", PAIR) == ("forest", "smile")


@pytest.mark.parametrize(
    ("text", "added", "removed"),
    [
        ("+cape", ["cape"], []),
        ("-cape", [], ["cape"]),
        ("+red cape, -hat\n\n- night\n", ["red cape"], ["hat", "night"]),
        ("\ufeff+cape\r\n-hat,\r\n", ["cape"], ["hat"]),
        ("++_+", ["+_+"], []),
        ("-+_-, --_-", [], ["+_-", "-_-"]),
        ("+:), +?", [":)", "?"], []),
        ("+cape, -Cape", [], ["Cape"]),
        ("-red cape, +red_cape", ["red_cape"], []),
        ("+b, +a, +b", ["b", "a"], []),
    ],
)
def test_signs_before_all_pieces_edit_the_generated_caption(text, added, removed):
    assert parsed(text) == Override(None, tuple(added), tuple(removed))


@pytest.mark.parametrize(
    "text", ["", " \n", "cape", "+cape, hat", "+cape\nhat", "+", "+cape, -", "---", "+_+", "-_-", "a - b", "- , +a"]
)
def test_every_other_text_replaces_it(text):
    assert parsed(text) == Override(text)


@given(st.text())
def test_a_text_replaces_whole_or_only_edits(text):
    found = parsed(text)
    assert found == Override(text) or (found.text is None and (found.added or found.removed))
    assert not {*found.added} & {*found.removed}
