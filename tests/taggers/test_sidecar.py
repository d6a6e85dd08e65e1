import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorabuild.schema.taggers import Sidecar
from lorabuild.taggers import sidecar


def test_a_bar_in_a_wildcard_parts_no_tags():
    assert sidecar.parse("{red|blue} hat, a|{x|y} b|c, {|d") == ["{red|blue} hat", "a", "{x|y} b", "c", "{", "d"]


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("hat, cape , hat,, red cape\n", ["hat", "cape", "red cape"]),
        ("hat\ncape\r\nred_cape", ["hat", "cape", "red_cape"]),
        ("zorbl ||| hat | cape", ["zorbl", "hat", "cape"]),
        ("a|b", ["a", "b"]),
        ("|_|, ||_||, <|>_<|>, |||, hat", ["|_|", "||_||", "<|>_<|>", "hat"]),
        ("\ufeffhat", ["hat"]),
        ("", []),
        (" \n , |", []),
    ],
)
def test_tags_of_a_text(text, tags):
    assert sidecar.parse(text) == tags


def test_every_tag_is_certain_and_the_order_is_that_of_the_file(site):
    tagger = sidecar.load(Sidecar(), site, 1)
    assert tagger.tag(["b, a", ""]) == [[("b", 1.0, "general", 0), ("a", 1.0, "general", 0)], []]


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("1girl blue_eyes solo", {"1girl": "general", "blue_eyes": "general", "solo": "general"}),
        (
            "general: 1girl hat_bow\ncharacter: hatsune_miku\nmeta: highres",
            {"1girl": "general", "hat_bow": "general", "hatsune_miku": "character", "highres": "other"},
        ),
        ("character:miku hair_bow", {"miku": "character", "hair_bow": "general"}),
        ("artist:foo, hat, rating:safe", {"foo": "general", "hat": "general", "safe": "rating"}),
        ("character: a b, c\nhat", {"a b": "character", "c": "character", "hat": "general"}),
        ("1girl | blue_eyes | character:miku", {"1girl": "general", "blue_eyes": "general", "miku": "character"}),
        ("a girl in a forest", {"a girl in a forest": "general"}),
        ("blue_eyes\nred hat", {"blue_eyes": "general", "red hat": "general"}),
        (
            ":d, re:zero, >:), blue_eyes red",
            {":d": "general", "re:zero": "general", ">:)": "general", "blue_eyes red": "general"},
        ),
        ("general:\n1girl\n\ncharacter:\r\nhatsune miku\nrin\n\nhat", None),
        (
            "char:miku copy:vocaloid 1girl rating:s score:12",
            {"miku": "character", "vocaloid": "general"} | {"1girl": "general", "s": "rating", "12": "other"},
        ),
        ("1girl stands in a field", {"1girl stands in a field": "general"}),
        ("d: x3\n|_|", {"d: x3": "general", "|_|": "general"}),
        ("", {}),
    ],
)
def test_booru_texts(text, tags):
    lines = {"1girl": "general", "hatsune miku": "character", "rin": "character", "hat": "general"}
    assert dict(sidecar.read(text)) == (lines if tags is None else tags)


def test_another_understanding_is_another_key(monkeypatch):
    before = sidecar.key_settings(Sidecar())
    monkeypatch.setattr(sidecar, "READING", sidecar.READING + 1)
    assert sidecar.key_settings(Sidecar()) != before


@given(st.lists(st.text("abc_ :", min_size=1).filter(lambda tag: tag.strip()), min_size=2, max_size=6))
def test_plain_comma_lists_stay_as_they_were(tags):
    text = ", ".join(tags)
    if not any(tag.partition(":")[0].strip().lower() in sidecar.PREFIXES for tag in tags):
        assert sidecar.read(text) == [(tag, "general") for tag in sidecar.parse(text)]
