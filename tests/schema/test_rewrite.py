import difflib
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from lorabuild.core.errors import ProjectError
from lorabuild.schema.document import read
from lorabuild.schema.rewrite import append, put

DROP, REPLACE = ("captions", "drop"), ("captions", "replace")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("captions: {drop: [a,  b]}   # c", "captions: {drop: [a,  b, x]}   # c"),
        ("captions:\n  drop: []", "captions:\n  drop: [x]"),
        ("captions:\n  drop: [a,  # one\n    b, # two\n  ]\n", "captions:\n  drop: [a,  # one\n    b, x, # two\n  ]\n"),
        ("captions:\n  drop:\n  - a  # one\n\n# below\nname: t\n",
         "captions:\n  drop:\n  - a  # one\n  - x\n\n# below\nname: t\n"),
        ("captions:\r\n    drop:\r\n      -   a\r\nname: t\r\n",
         "captions:\r\n    drop:\r\n      -   a\r\n      - x\r\nname: t\r\n"),
        ("captions:\n  drop:   # nothing yet\nname: t", "captions:\n  drop: [x]   # nothing yet\nname: t"),
        ("captions:\n  drop: ~", "captions:\n  drop: [x]"),
        ("captions:   # all\nname:   t", "captions: {drop: [x]}   # all\nname:   t"),
        ("captions: {}\n", "captions: {drop: [x]}\n"),
        ("captions: {order: score}", "captions: {order: score, drop: [x]}"),
        ("captions:\n   order:  score # best\n# end", "captions:\n   order:  score # best\n   drop: [x]\n# end"),
        ("name: t", "name: t\ncaptions:\n  drop: [x]"),
        ("name: t # it\n", "name: t # it\ncaptions:\n  drop: [x]\n"),
        ("captions:\n  text: |\n    one\n\n    two\nname: t\n",
         "captions:\n  text: |\n    one\n\n    two\n  drop: [x]\nname: t\n"),
        ("captions:\n  tagger:\n    type: wd14\n\nname: t\n",
         "captions:\n  tagger:\n    type: wd14\n  drop: [x]\n\nname: t\n"),
        ('{"captions": {"drop": ["a"]}}', '{"captions": {"drop": ["a", x]}}'),
    ],
)  # fmt: skip
def test_an_entry_more_leaves_all_else_as_it_is(before, after):
    assert append(before, DROP, "x") == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("captions: {replace: {a: b}}", "captions: {replace: {a: b, o: n}}"),
        ("captions:\n  replace:\n    a:   b  # c\n", "captions:\n  replace:\n    a:   b  # c\n    o: n\n"),
        ("captions:\n  replace:\n    'o':   \"b\"  # c\n", "captions:\n  replace:\n    'o':   n  # c\n"),
        ("captions: {replace: {o: , a: b}}", "captions: {replace: {o: n , a: b}}"),
        ("name: t\n", "name: t\ncaptions:\n  replace:\n    o: n\n"),
    ],
)
def test_a_word_set_leaves_all_else_as_it_is(before, after):
    assert put(before, (*REPLACE, "o"), "n") == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("name: t\n", "name: t\nnetwork:\n  blocks:\n    IN01: 0\n"),
        ("network: {dim: 4}", "network: {dim: 4, blocks: {IN01: 0}}"),
        ("network:\n  blocks: {IN01: 0.5, M00: 1}  # c\n", "network:\n  blocks: {IN01: 0, M00: 1}  # c\n"),
    ],
)
def test_a_number_set_stays_a_number(before, after):
    assert put(before, ("network", "blocks", "IN01"), 0) == after


@pytest.mark.parametrize("tag", ["*_eyes", "null", "1", "a: b", "#x", "{a|b}", "ü", "^_^", 'say "x"', "a,b", "-x", ""])
@pytest.mark.parametrize("before", ["captions: {drop: [a]}", "captions:\n  drop:\n    - a\n", "name: t"])
def test_strange_tags_stand_in_quotes(before, tag):
    held = (yaml.safe_load(before).get("captions") or {"drop": []})["drop"]
    assert read(append(before, DROP, tag), "t").data["captions"]["drop"] == [*held, tag]
    assert read(put(before, (*REPLACE, tag or "x"), tag), "t").data["captions"]["replace"] == {tag or "x": tag}


def test_a_section_may_be_the_entry():
    text = append(
        "captions:\n  for:\n    - match: a*\n      add: [b]\n", ("captions", "for"), {"match": "c*", "add": ["d"]}
    )
    assert text.endswith('      add: [b]\n    - {match: "c*", add: [d]}\n')
    assert append(text, ("captions", "for", "0", "add"), "e").count("add: [b, e]") == 1
    assert append(text, ("captions", "for", "1", "add"), "e").endswith("add: [d, e]}\n")


@pytest.mark.parametrize(
    "text",
    [
        "base: &a {drop: [b]}\ncaptions: *a\n",
        "some: &a [b]\ncaptions: {drop: *a}\n",
        "captions:\n  <<: {drop: [b]}\n",
        "captions: {drop: many}\n",
        "captions: [drop]\n",
        "[1]",
        "",
        "captions: {}\n---\nname: t\n",
    ],
)
def test_what_would_touch_something_else_is_refused(text):
    with pytest.raises((ProjectError, yaml.YAMLError)):
        append(text, DROP, "x")


KINDS = ["# note", "", "   # deeper", "zzz{n}:   {{a: [1,  2]}}  # why", "yyy{n}:\n    - 'q'\n    # in\n    - \"r\""]
LINES = st.lists(st.sampled_from(KINDS), max_size=6)
CAPTIONS = st.sampled_from(
    [
        "",
        "captions:\n  # rules\n  drop: [meme,  'text']   # junk\n  order:   score",
        "captions:\n    drop:\n      # first\n      - meme   # junk\n\n      - 'text'\n    replace: {a: b}   # c",
        "captions:   {replace: {a:   b}, drop: []}   # all",
        "captions:\n  replace:\n    a:   b    # c\n    'red hat': \"x\"",
    ]
)
TAGS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=9)


def numbered(lines):
    return "\n".join(line.format(n=number) if "{n}" in line else line for number, line in enumerate(lines))


@settings(max_examples=150, deadline=None)
@given(LINES, CAPTIONS, LINES, TAGS, st.booleans(), st.sampled_from(["\n", "\r\n"]))
def test_every_other_line_keeps_its_bytes(above, captions, below, tag, dropped, end):
    ending = numbered(below).replace("zzz", "www").replace("yyy", "vvv")
    text = f"name: t\n{numbered(above)}\n{captions}\nlast: t\n{ending}\n"
    text = text.replace("\n", end)
    made = append(text, DROP, tag) if dropped else put(text, (*REPLACE, tag), "new")
    lines = [line for line in difflib.ndiff(text.split(end), made.split(end)) if line[0] in "+-"]
    assert [line[0] for line in lines] in (["-", "+"], ["+"], ["+"] * 2, ["+"] * 3)
    assert read(made, "t").data["last"] == "t"


def test_a_projects_own_file_gets_one_line_more():
    text = (Path(__file__).parents[2] / "example_project/lora.yaml").read_text("utf-8")
    for made in (append(text, DROP, "*_x"), put(text, (*REPLACE, "o"), "n")):
        lines = [line for line in difflib.ndiff(text.splitlines(), made.splitlines()) if line[0] in "+-"]
        assert {line[0] for line in lines} <= {"+", "-"}
        assert sum(line[0] == "-" for line in lines) <= 1
        assert sum(line[0] == "+" for line in lines) <= 2
