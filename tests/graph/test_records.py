import light
from hypothesis import given
from hypothesis import strategies as st

from lorabuild.graph.records import Learned, learned, roots

rows = st.lists(
    st.builds(
        lambda concept, texts, key, times: Learned({"concept": concept}, [texts, key, times]),
        st.sampled_from(["", "plain", "cape"]),
        st.lists(st.sampled_from("abc"), min_size=1, max_size=3),
        st.sampled_from(["k", ["pixels", [64, 64], None]]),
        st.integers(1, 3),
    ),
    max_size=8,
)


@given(rows, st.randoms())
def test_a_root_knows_no_order(found, random):
    shuffled = [*found]
    random.shuffle(shuffled)
    assert roots(shuffled) == roots(found)
    assert {name.removeprefix("images.") for name in roots(found)} == {
        row.record["concept"] or "regularization" for row in found
    }


@given(rows.filter(bool))
def test_every_part_of_a_row_is_in_its_root(found):
    first = found[0]
    other = [Learned(first.record, [[*first.keys[0], "z"], *first.keys[1:]]), *found[1:]]
    assert roots(other) != roots(found)


def test_pixels_of_uncached_pictures_are_in_what_is_learned(project):
    light.built(project)
    uncached = "images.cache=false"
    with light.viewed(project, uncached) as view:
        light.plant(view, "text")
        before = [*learned(view)]
    light.picture(project / "data/plain/b.png", "yellow")
    light.built(project, uncached)
    with light.viewed(project, uncached) as view:
        light.plant(view, "text")
        after = [*learned(view)]
    changed = {new.record["id"] for old, new in zip(before, after, strict=True) if old.keys != new.keys}
    assert changed == {"data/plain/b.png"}
