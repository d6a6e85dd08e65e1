import pytest
from packs import asked, folder

from lorabuild.balance.algebra import Asked, Shown, Source
from lorabuild.balance.sets import commonest, counts_people, key, listed, percent, pictures, sets_of, several


def test_images_are_counted_by_concept_and_tags_by_who_takes_them():
    sets = sets_of(asked("a:character b:outfit", folder("x", 3, "a b", ("hat",), 2, a="eyes"), folder("y", 2, "a")))
    assert (sets.of("a"), sets.of("b")) == ({"x", "y"}, {"x"})
    assert (sets.images(sets.of("a")), sets.looks(sets.of("a"))) == (5, 8)
    assert (sets.cells["x"].said, sets.cells["x"].taken) == ({"hat": 3}, {("eyes", "a"): 3})
    assert sets.taken(sets.of("a"), "a") == {"eyes": 3}
    assert sets.largest(["y", "x"]).name == "x"


def test_held_out_images_and_empty_concepts_count_nowhere():
    shown = [Shown("x", 0, ("hat",)), Shown("x", 1, ()), Shown("y", 0, ())]
    sets = sets_of(Asked((), (Source("x"), Source("y"), Source("z")), shown))
    assert list(sets.cells) == ["x"]
    assert (sets.cells["x"].images, sets.cells["x"].said) == (1, {})


def test_one_tag_in_two_spellings_counts_once():
    shown = [Shown("x", 1, ("Red bow", "red_bow", "red_bow")), Shown("x", 1, ("red bow",))]
    assert sets_of(Asked((), (Source("x"),), shown)).cells["x"].said == {"red_bow": 2}


@pytest.mark.parametrize(
    ("tag", "is_"), [("Red Bow", "red_bow"), (r"bow \(red\)", "bow_(red)"), ("^_^", "^_^"), (r"\o/", r"\o/")]
)
def test_spellings_of_a_tag(tag, is_):
    assert key(tag) == is_


@pytest.mark.parametrize("tag", ["1girl", "2girls", "6+boys", "multiple_girls", "1creature", "solo"])
def test_tags_that_only_count(tag):
    assert counts_people(tag)


@pytest.mark.parametrize("tag", ["4koma", "3d", "girl", "red_eyes", "1970s_style", "solo_focus"])
def test_tags_that_do_not(tag):
    assert not counts_people(tag)


def test_who_counts_more_than_one():
    tags = ["1girl", "2girls", "10girls", "6+boys", "multiple_boys", "4koma", "solo"]
    assert list(filter(several, tags)) == ["2girls", "10girls", "6+boys", "multiple_boys"]


def test_lists_and_numbers_in_words():
    assert [listed(names) for names in ([], "a", "ab", "abc")] == ["", "a", "a and b", "a, b and c"]
    assert listed("abcdefgh", 3) == "a, b and 6 more"
    assert [percent(share) for share in (0, 0.5, 0.9999, 1)] == ["0 %", "50 %", "99 %", "100 %"]
    assert (pictures(1), pictures(2)) == ("1 image", "2 images")
    assert commonest({"b": 1, "a": 1, "c": 2}) == ["c", "a", "b"]
