import light
import pytest

from lorabuild.core.errors import ProjectError
from lorabuild.graph.rules import changed
from lorabuild.schema.load import load

TEXT = """# zorbl, second try
name: tiny
base:   {model: base}         # nothing in it
triggers:
  zorbl:  {kind: character, absorbs: [1creature]}
concepts:
  plain:  {folder: data/plain, triggers: [zorbl]}
  cape:
    folder: data/cape         # 1 image
    triggers: [zorbl]

captions:
  tagger: {type: sidecar, extension: .tags}
  drop: [meme,  "*_background"]   # junk
  replace:
    grey_eyes: gray_eyes
"""


@pytest.fixture
def file(project):
    """A lora.yaml with comments."""
    (project / "lora.yaml").write_text(TEXT, "utf-8")
    return project / "lora.yaml"


def lines(change):
    return [line for line in change.diff if line[:1] in "+-" and line[:3] not in ("+++", "---")]


@pytest.mark.parametrize(
    ("words", "where", "diff"),
    [
        (
            "drop hat",
            {},
            ['-  drop: [meme,  "*_background"]   # junk', '+  drop: [meme,  "*_background", hat]   # junk'],
        ),
        ("drop Meme", {}, []),
        ("rename hat cap", {}, ["+    hat: cap"]),
        ("rename grey_eyes silver_eyes", {}, ["-    grey_eyes: gray_eyes", "+    grey_eyes: silver_eyes"]),
        ("rename Grey_Eyes gray_eyes", {}, []),
        ("add night", {}, ["+  add: [night]"]),
        ("add night", {"concept": "cape"}, ["+    captions:", "+      add: [night]"]),
        (
            "drop *_hat",
            {"concept": "plain"},
            [
                "-  plain:  {folder: data/plain, triggers: [zorbl]}",
                '+  plain:  {folder: data/plain, triggers: [zorbl], captions: {drop: ["*_hat"]}}',
            ],
        ),
        ("add night", {"match": "data/*/e.png"}, ['+  for: [{match: "data/*/e.png", add: [night]}]']),
        (
            "rename hat cap",
            {"match": "data/plain/a.png"},
            ["+  for: [{match: data/plain/a.png, replace: {hat: cap}}]"],
        ),
    ],
)
def test_one_rule_more_and_nothing_else(file, words, where, diff):
    change = changed(file, words.split(), **where)
    assert lines(change) == diff
    assert file.read_text("utf-8") == TEXT
    if diff:
        assert change.write().read_text("utf-8") == TEXT
        assert file.read_text("utf-8") == change.text


def test_rules_for_the_same_images_stand_together(file):
    changed(file, ["add", "night"], match="data/*").write()
    changed(file, ["add", "star"], match="data/*").write()
    changed(file, ["drop", "hat"], match="data/*").write()
    changed(file, ["drop", "hat"], match="data/plain/*").write()
    entries = load(file).project.captions.for_
    assert [(entry.match, entry.add, entry.drop) for entry in entries] == [
        (("data/*",), ("night", "star"), ("hat",)),
        (("data/plain/*",), (), ("hat",)),
    ]
    assert changed(file, ["add", "Star"], match="data/*").diff == []


@pytest.mark.parametrize(
    ("words", "where", "what", "place"),
    [
        (["rename", "zorbl", "blorz"], {}, "`zorbl` is a trigger", "lora.yaml:5:3 triggers.zorbl"),
        (["drop", "Zorbl"], {}, "`zorbl` is a trigger", "lora.yaml:5:3"),
        (["rename", "hat", "meme"], {}, "`meme` would be dropped by `meme`", "lora.yaml:14:10 captions.drop.0"),
        (["add", "Grey Background"], {}, "would be dropped by `*_background`", "captions.drop.1"),
        (["rename", "gray_eyes", "grey_eyes"], {}, "`grey_eyes` becomes `gray_eyes`", "lora.yaml:16:5"),
        (["add", "a, b"], {}, "has a comma", "command line"),
        (["rename", "hat", ""], {}, "is empty", "command line"),
        (["add", "night"], {"concept": "caep"}, "no concept `caep`", "command line"),
        (["add", "night"], {"concept": "cape", "match": "*"}, "two ways", "command line"),
    ],
)
def test_rules_that_would_do_something_else_are_refused(file, words, where, what, place):
    with pytest.raises(ProjectError) as caught:
        changed(file, words, **where)
    assert what in caught.value.what
    assert place in caught.value.where
    assert caught.value.next_step
    assert file.read_text("utf-8") == TEXT


def test_written_rules_are_what_the_next_captions_follow(file, project):
    changed(file, ["rename", "hat", "big_cap"]).write()
    changed(file, ["drop", "bow"], concept="plain").write()
    light.built(project, targets=("caption",))
    with light.viewed(project) as view:
        found = {name: result.facts["caption"] for name, result in view.made("caption").items()}
    assert found["data/plain/a.png"] == "zorbl, big_cap"
    assert found["data/plain/c.png"] == "zorbl"
