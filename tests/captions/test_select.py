from lorabuild.captions.select import selected
from lorabuild.captions.tags import texts

SCORES = [
    ("general", 0.99, "rating"),
    ("smile", 0.35, "general"),
    ("1girl", 0.98, "general"),
    ("hat", 0.349999, "general"),
    ("miku", 0.85, "character"),
    ("rin", 0.849999, "character"),
    ("someone", 1.0, "other"),
]


def test_each_category_has_its_threshold_and_equal_is_enough():
    assert texts(selected(SCORES, 0.35, 0.85)) == ("1girl", "miku", "smile")


def test_names_are_marked():
    assert [tag.text for tag in selected(SCORES, 0.35, 0.85) if tag.name] == ["miku"]


def test_equal_scores_stay_in_the_order_of_the_tagger():
    assert texts(selected([("b", 1.0, "general"), ("a", 1.0, "general")], 0.0, 0.0)) == ("b", "a")
