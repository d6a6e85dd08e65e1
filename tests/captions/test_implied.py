import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorabuild.captions.implied import implications, read, unsaid
from lorabuild.captions.tags import tagged, texts
from lorabuild.core.errors import ProjectError

TABLE = {"katana": ["sword"], "sword": ["Weapon"], "cat_ears": ["animal_ears"]}
RINGS = st.dictionaries(st.sampled_from("abcd"), st.lists(st.sampled_from("abcd"), max_size=3), max_size=4)


def left(*words, table=TABLE):
    kept, over = unsaid([tagged(word) for word in words], implications(table))
    return texts(kept), over


def test_what_a_tag_implies_goes_over_several_steps():
    assert left("weapon", "Katana", "hat") == (("Katana", "hat"), ["weapon"])
    assert left("sword", "weapon", "animal ears") == (("sword", "animal ears"), ["weapon"])
    assert left("weapon", "animal_ears") == (("weapon", "animal_ears"), [])


def test_of_tags_that_imply_one_another_the_first_stays():
    assert left("b", "a", table={"a": ["b"], "b": ["a"]})[0] == ("a",)
    assert left("b", table={"a": ["b"], "b": ["a"]})[0] == ("b",)


@given(st.sets(st.sampled_from("abcd"), min_size=1), RINGS)
def test_nothing_is_lost_without_another_that_says_it(tags, table):
    kept, _ = left(*sorted(tags), table=table)
    implied = implications(table)
    assert kept
    assert all(any(tag in implied(other) for other in kept) for tag in tags - set(kept))
    assert left(*kept, table=table)[0] == kept
    assert all(set(left(*order, table=table)[0]) == set(kept) for order in itertools.permutations(tags))


CSV = """id,antecedent_name,consequent_name,status
1,katana,sword,active
2,hat,head,deleted
3,cat ears,animal_ears,active
"""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("table.csv", CSV),
        ("TABLE.CSV", '\ufeffkatana,sword\n\n"cat_ears",animal_ears\n'),
        ("table.yaml", "katana: sword\ncat ears: [animal ears]\n"),
        ("table.json", '{"katana": ["sword"], "cat_ears": "animal_ears"}'),
    ],
)
def test_a_table_in_each_form(name, text):
    assert read(text.encode(), name) == {"katana": ("sword",), "cat_ears": ("animal_ears",)}


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("table.csv", b"katana\n"),
        ("table.csv", b"\xff\xfe"),
        ("table.json", b"[1]"),
        ("table.json", b"{"),
        ("table.yaml", b"{"),
        ("table.yaml", b"katana: [1]"),
        ("table.json", b"[" * 9999),
        ("table.csv", b'"' + b"a" * 140_000 + b'"'),
        ("table.yaml", b"a: {b: c}\nd: 1"),
        ("table.yaml", b"!!python/object/apply:os.system [x]"),
    ],
)
def test_what_is_no_table_is_named(name, data):
    with pytest.raises(ProjectError, match="no table of implications"):
        read(data, name)
