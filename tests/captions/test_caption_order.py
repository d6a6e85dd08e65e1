from lorabuild.captions.order import ordered
from lorabuild.captions.tags import tagged, texts

TAGS = [
    tagged("b", 0.5, made_of=("b",)),
    tagged("C", 0.9, made_of=("x", "y")),
    tagged("a", 0.9, made_of=("a",)),
    tagged("d", 0.6, made_of=("d",)),
]


def test_by_score_equal_ones_keep_their_place():
    assert texts(ordered(TAGS, "score")) == ("C", "a", "d", "b")


def test_by_alphabet_without_regard_to_case():
    assert texts(ordered(TAGS, "alphabet")) == ("a", "b", "C", "d")


def test_by_frequency_then_score_and_a_merged_tag_counts_as_its_commonest_part():
    assert texts(ordered(TAGS, "frequency", {"b": 9, "y": 7, "x": 1})) == ("b", "C", "a", "d")
    assert texts(ordered(TAGS, "frequency")) == ("C", "a", "d", "b")
