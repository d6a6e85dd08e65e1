import pytest

from lorabuild.schema.taggers import Sidecar
from lorabuild.taggers import sidecar


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
