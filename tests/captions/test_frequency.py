from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from lorabuild.captions.frequency import Row, table


def test_tags_are_counted_by_concept_and_the_commonest_is_first():
    images = [("plain", ["hat", "Night"]), ("plain", ["night"]), ("cape", ["night", "hat", "cape"]), ("cape", [])]
    assert table(images) == [
        Row("night", 3, 0.75, {"cape": 1, "plain": 2}),
        Row("hat", 2, 0.5, {"cape": 1, "plain": 1}),
        Row("cape", 1, 0.25, {"cape": 1}),
    ]


def test_spellings_of_one_tag_are_one_row_and_once_an_image():
    assert table([("a", ["red cape", "red_cape"]), ("a", ["red_cape"])]) == [Row("red_cape", 2, 1.0, {"a": 2})]


def test_no_images_have_no_tags():
    assert table([]) == []


@given(st.lists(st.tuples(st.sampled_from("ab"), st.lists(st.sampled_from(["x", "y", "z"]), max_size=4))))
def test_every_image_counts_once_for_each_of_its_tags(images):
    rows = table(images)
    assert {row.tag: row.images for row in rows} == dict(Counter(tag for _, tags in images for tag in {*tags}))
    assert all(sum(row.concepts.values()) == row.images for row in rows)
    assert [row.images for row in rows] == sorted((row.images for row in rows), reverse=True)
