import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorabuild.captions.expression import parse
from lorabuild.core.errors import ProjectError

IMAGES = {
    1: {"zorbl", "red_cape", "night"},
    2: {"zorbl", "red_cape", "grey_background"},
    3: {"hat", "saber_(fate)"},
    4: {"not", "and_so_on", "^_^"},
    5: set(),
}


@pytest.mark.parametrize(
    ("text", "images"),
    [
        ("red_cape", [1, 2]),
        ("red cape", [1, 2]),
        ("Red Cape and not NIGHT", [2]),
        ("*_cape", [1, 2]),
        ("cape", []),
        ("night or hat", [1, 3]),
        ("not zorbl", [3, 4, 5]),
        ("not not zorbl", [1, 2]),
        ("zorbl and not (night or *_background)", []),
        ("hat or zorbl and night", [1, 3]),
        ("(hat or zorbl) and night", [1]),
        ("saber_(fate)", [3]),
        ("(saber_(fate))", [3]),
        ("not(hat)and(zorbl)", [1, 2]),
        ('"not"', [4]),
        ("and_so_on", [4]),
        ("^_^", [4]),
        ("  hat  ", [3]),
        ("*", [1, 2, 3, 4]),
        ("not *", [5]),
    ],
)
def test_a_filter_takes_images_by_their_tags(text, images):
    wanted = parse(text)
    assert [number for number, tags in IMAGES.items() if wanted(tags)] == images


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        ("", 0, "a tag is missing here"),
        ("cape and", 8, "a tag is missing here"),
        ("cape and  ", 8, "a tag is missing here"),
        ("and cape", 0, "a tag is missing here"),
        ("a or or b", 5, "a tag is missing here"),
        ("a and (b or c", 6, "never closed"),
        ("a) or b", 1, "nothing may follow"),
        ("a (b)", 2, "nothing may follow"),
        ('a and "b', 6, "never closed"),
        ('a and ""', 6, "no tag"),
        ("(" * 200 + "a" + ")" * 200, 100, "too many"),
    ],
)
def test_a_mistake_is_pointed_at(text, place, what):
    with pytest.raises(ProjectError) as caught:
        parse(text)
    said, shown, pointer = caught.value.what.split("\n")
    assert what in said
    assert shown.removeprefix("  ") == text
    assert pointer == "  " + " " * place + "^"
    assert caught.value.next_step


LEAF = st.sampled_from(["zorbl", "red_cape", "night", "hat", "*_background"])
TREE = st.recursive(
    LEAF,
    lambda inner: st.one_of(
        st.tuples(st.just("not"), inner),
        st.tuples(inner, st.just("and"), inner),
        st.tuples(inner, st.just("or"), inner),
    ),
    max_leaves=8,
)


def spelled(tree):
    return tree if isinstance(tree, str) else "(" + " ".join(map(spelled, tree)) + ")"


def judged(tree, tags):
    if isinstance(tree, str):
        return parse(tree)(tags)
    if tree[0] == "not":
        return not judged(tree[1], tags)
    one, sign, other = tree
    return (all if sign == "and" else any)(judged(part, tags) for part in (one, other))


@given(TREE, st.sampled_from(list(IMAGES.values())))
def test_any_nesting_means_what_it_says(tree, tags):
    assert parse(spelled(tree))(tags) == judged(tree, tags)


@given(st.text(st.sampled_from('ab ()"*and or not_'), max_size=30))
def test_any_text_is_a_filter_or_a_mistake_with_a_place(text):
    try:
        assert parse(text)({"a"}) in (True, False)
    except ProjectError as error:
        assert "^" in error.what  # noqa: PT017 – either is right
