# ruff: noqa: E501 - in the table below a mistake and its answer stand on one line
"""What is said about mistakes: lorabuild.schema.document, yaml_errors, explain, expected, unknown, foreign."""

from typing import Literal

import pytest
from pydantic import Field

from lorabuild.schema.document import MOST_LETTERS, read
from lorabuild.schema.expected import example, limit, wanted
from lorabuild.schema.explain import told
from lorabuild.schema.foreign import FOREIGN
from lorabuild.schema.project import Project
from lorabuild.schema.section import Section
from lorabuild.schema.training import Training
from lorabuild.schema.unknown import unknown
from lorabuild.schema.words import fields, words
from lorabuild.schema.yaml_errors import explained

# what is added to a good lora.yaml (6 lines), where it is wrong, a part of what is said, a part of what to write
MISTAKES = {
    "typo": ("trainign: {}", "7:1 trainign", "no word `trainign`", "`training`"),
    "typo below": ("training: {bacth: 2}", "7:12 training.bacth", "under `training`", "`batch`"),
    "elsewhere": ("training: {lr: 1}", "7:12 training.lr", "no word `lr`", "belongs under `training.optimizer`"),
    "top level": ("training: {budget: {}}", "7:12 training.budget", "no word", "`budget` belongs under `the top level`"),
    "typo of elsewhere": ("training: {promptss: []}", "7:12", "no word `promptss`", "write `prompts` under"),
    "kohya's word": ("network: {network_dim: 8}", "7:11", "no word `network_dim`", "write `dim`"),
    "kohya's word, away": ("learning_rate: 1", "7:1", "no word", "write `lr` under `training.optimizer`"),
    "nothing near": ("training: {qqqqqq: 1}", "7:12", "no word `qqqqqq`", "known here: optimizer,"),
    "another type's word": ("network: {type: lora, conv_dim: 4}", "7:23", "a word of `type: locon`", "write that type"),
    "unknown type": ("network: {type: locn}", "7:11 network.type", "can't be `locn`; known: `lora`, `locon`", "`type: locon`"),
    "type of another type": ("network: {type: {a: 1}}", "7:11", "can't be", "one of these: lora, locon"),
    "unknown loss": ("training: {loss: {type: hubr}}", "7:19", "can't be `hubr`; known: `l2`, `l1`", "`type: huber`"),
    "text for a section": ("training: {optimizer: prodgy}", "7:12", "section with `type: adamw`, `type: adamw8bit`", "{type: prodigy}"),
    "list for a section": ("training: [a]", "7:1 training", "wants a section; here stands `[a]`", "write `training: {"),
    "wrong choice": ("training: {train: unett}", "7:12 training.train", "can't be `unett`", "`train: unet`"),
    "truth for a choice": ("training: {train: yes}", "7:12", "can't be `yes`", "one of these: both, unet, text_encoder"),
    "text for a number": ("training: {batch: two}", "7:12", "whole number, 1 to 1024; here stands the text `two`", "batch: 1"),
    "quoted number": ("training: {batch: '2'}", "7:12", "the text `2`", "without quotes: batch: 2"),
    "number with point": ("training: {batch: 2.0}", "7:12", "whole number", "write `batch: 2`"),
    "truth for a number": ("training: {batch: yes}", "7:12", "`yes`, which YAML reads as true", "batch: 1"),
    "too small": ("budget: {epochs: 0}", "7:10 budget.epochs", "1 or more; here stands `0`", "epochs: 8"),
    "not finite": ("training: {optimizer: {lr: .inf}}", "7:24", "a number, above 0; here stands `.inf`", "lr: 0.0001"),
    "number for a text": ("output: {title: 3}", "7:10 output.title", "wants a text; here stands `3`", 'title: "3"'),
    "truth for a text": ("output: {title: on}", "7:10", "`on`, which YAML reads as true", 'quotes: title: "on"'),
    "text for a list": ("captions: {drop: meme}", "7:12", "wants a list of texts", 'drop: ["meme"]'),
    "number in a list": ("captions: {drop: [a, 3]}", "7:22 captions.drop.1", "`3` in the list", '- "3"'),
    "nothing in a list": ("captions: {drop: [a, ]}\nsamples: {prompts: [~]}", "8:21", "nothing is written", "prompts:"),
    "pair too short": ("training: {optimizer: {betas: [0.9]}}", "7:24", "list of 2 numbers; here stands `[0.9]`", "0.999"),
    "pair too long": ("training: {optimizer: {betas: [0.9, 0.9, 0.9]}}", "7:24", "list of 2 numbers", "[0.9, 0.999]"),
    "nothing": ("training:\n  batch:", "8:3", "nothing is written behind `batch:`", "or leave the line out"),
    "nothing for a type": ("network:\n  type:", "8:3 network.type", "nothing is written behind `type:`", "`type: lora`"),
    "colour as comment": ("images:\n  background: #ffffff", "8:3", "nothing", 'comment; write it in quotes: background: "#ffffff"'),
    "colour in braces": ("images: {background: #ffffff}", "8:1", "never closed, perhaps", '"#ffffff"'),
    "bad pattern": ("images: {background: red}", "7:10", "can't be `red`: Colour", '"#ffffff"'),
    "truth as a name": ("captions: {replace: {no: a}}", "7:22 captions.replace.no", "reads the word `no`", '"no":'),
    "map without values": ("captions: {replace: {a: }}", "7:22", "nothing is written behind `a:`", '`a: ""`'),
    "map as a list": ("captions: {replace: [a]}", "7:12", "wants `name: …` lines, each with a text", "grey_eyes"),
    "section in a list": ("captions: {drop: [{a: b}]}", "7:19 captions.drop.0", "here stands a section in the list", "drop: ["),
    "list in a list": ("captions: {drop: [[a]]}", "7:19 captions.drop.0", "here stands a list in the list", "drop: ["),
    "section for a text": ("output: {title: {a: b}}", "7:10 output.title", "wants a text; here stands a section", "title: "),
    "twice": ("name: b", "7:1 name", "stands here twice, first in line 1", "keep one"),
    "star": ("captions: {drop: [*_eyes]}", "7:19", "`*_eyes` begins with a star", '"*_eyes"'),
    "star alone": ("captions: {drop: [*]}", "7:19", "begins with a star", '"*"'),
    "star with anchors": ("output: &x {title: a}\ncaptions: {drop: [*y]}", "8:19", "YAML takes that for a reference", '"*y"'),
    "tab": ("training:\n\tbatch: 2", "8:1", "a tab", "two spaces"),
    "brace in front": ("samples:\n  prompts:\n  - {a|b} cat", "9:11", "behind a closed quote or bracket", '"{red|blue} cat"'),
    "bracket open": ("samples: {prompts: [a, b}", "7:25", "never closed", "[one, two]"),
    "quote open": ("samples: {prompts: ['a, b]}", "7:21", "this quote is never closed", "put a '"),
    "colon too many": ("output:\n  title: a: b", "8:11", "a colon too many", "stands in quotes"),
    "colon missing": ("output\nsamples: {}", "8:1", "no colon behind this word", "`word: value`"),
    "colon missing at the end": ("output", "8:1", "no colon behind this word", "`word: value`"),
    "reserved sign": ("output: {title: `me}", "7:17", "``` begins with a sign", '"`me"'),
    "indented": (" budget: {}", "7:2", "other indentation", "line it up"),
    "two documents": ("---\na: 1", "7:1", "second document", "delete this line"),
    "special value": ("output: {title: !!python/object:os.system 3}", "7:17 output.title", "`!!python/object:os.system`", "leave"),
    "own tag": ("output: {title: !secret 3}", "7:17", "`!secret`", "leave it out"),
    "invisible letter": ("output: {title: a\x07}", "7:18", "U+0007", "delete it"),
    "key that is a list": ("output: {[a]: 3}", "7:10", "a word is expected before the colon", "quotes"),
    "merge of a text": ("output: {<<: a}", "7:14 output", "`<<` takes a section", "`<<: *name`"),
    "unknown escape": ('output: {title: "\\q"}', "7:19", "can't be read as YAML", ""),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_answered_with_its_place_and_the_cure(wrong, mistake):
    more, where, what, next_step = mistake
    first = wrong(more + "\n")[0]
    assert f"{first['where']} ".startswith(f"lora.yaml:{where} ")
    assert what in first["what"]
    assert next_step in first["next_step"]


def test_one_mistake_is_one_problem(wrong):
    many = {name for name, (more, *_) in MISTAKES.items() if len(wrong(more + "\n")) > 1}
    assert many <= {"nothing in a list"}


@pytest.mark.parametrize(
    ("text", "words_of_it"),
    [
        ("", "this file is empty"),
        ("# only a comment\n", "this file is empty"),
        ("- a\n", "this is no lora.yaml"),
        ("just text\n", "this is no lora.yaml"),
        ("a: &a [*a]\n", "nested deeper"),
        ("a: " + "[" * 3000, "nested deeper"),
        ("a: " + "[" * 60 + "]" * 60, "nested deeper"),
        ("a: " + "x" * MOST_LETTERS, "longer than"),
    ],
)
def test_texts_that_are_no_project(wrong, text, words_of_it):
    (problem,) = wrong(good=text)
    assert problem["where"].startswith("lora.yaml")
    assert words_of_it in problem["what"]


def test_an_alias_bomb_does_not_go_off(wrong):
    levels = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    levels += [f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    (problem,) = wrong(good="\n".join(levels))
    assert "unfolds to more than" in problem["what"]


def test_what_must_be_there_is_asked_for_with_an_example(wrong):
    told_of = {problem["where"]: problem for problem in wrong(good="base:\nconcepts: {a: }\n")}
    assert set(told_of) == {"lora.yaml name", "lora.yaml:1:1 base.model"}
    assert "`name: zorbl`" in told_of["lora.yaml name"]["next_step"]
    assert "under `base:`" in told_of["lora.yaml:1:1 base.model"]["what"]
    (nothing,) = wrong(good="name: a\nbase: {model: b}\nconcepts:\n")
    assert "nothing stands under `concepts`" in nothing["what"]


def test_what_stands_under_a_name_is_a_section(wrong):
    (problem,) = wrong(good="name: a\nbase: {model: b}\nconcepts: {a: dataset/plain}\n")
    assert problem["what"] == "`a` wants a section of its own; here stands the text `dataset/plain`"
    assert problem["next_step"] == "write `a: {…}`"


class Inner(Section):
    """A section with nothing to go by."""

    must: int


class Outer(Section):
    """Fields without examples and defaults."""

    inner: Inner
    named: dict[str, Inner]
    many: tuple[str, ...]
    two: tuple[float, float]
    kind: Literal["a", "b"]
    at_most: int = Field(le=3)


def test_a_field_without_example_gets_the_simplest_one():
    simplest = {name: example(name, field) for name, field in fields(Outer).items()}
    assert simplest == {
        "inner": "inner: {must: 1}",
        "named": "named: {name: {must: 1}}",
        "many": "many: [text]",
        "two": "two: [1.0, 1.0]",
        "kind": "kind: a",
        "at_most": "at_most: 1",
    }
    assert wanted(fields(Outer)["at_most"]) == "a whole number, at most 3"
    assert wanted(fields(Outer)["kind"]) == "one of `a`, `b`"


def test_every_foreign_word_leads_to_one_of_ours():
    places = {word.dotted for word in words(Project)}
    assert {target for target in FOREIGN.values() if target not in places} == set()


def test_no_foreign_word_is_a_word_of_the_place_it_leads_to():
    places = {word.dotted for word in words(Project)}
    assert not [name for name, target in FOREIGN.items() if f"{target.rpartition('.')[0]}.{name}".strip(".") in places]


def test_every_unknown_word_gets_an_answer_everywhere():
    for word in words(Project):
        around = word.dotted.rpartition(".")[0]
        what, next_step = unknown(word.name + "x", word.owner, f"{around}.{word.name}x".strip("."))
        assert word.name + "x" in what
        assert next_step


def test_what_is_wanted_is_said_with_its_limits():
    training = fields(Training)
    assert wanted(training["batch"]) == "a whole number, 1 to 1024"
    assert limit(training["min_snr_gamma"]) == "above 0"
    assert example("min_snr_gamma", training["min_snr_gamma"]) == "min_snr_gamma: 5.0"


def test_every_example_is_a_word_that_loads(project):
    for word in words(Project):
        read_back = read(example(word.name, word.field), "example")
        assert not read_back.problems, word.dotted
        assert list(read_back.data) == [word.name]


def test_a_complaint_keeps_its_place():
    document = read("training:\n  batch: two\n", "lora.yaml")
    error = {"type": "int_type", "loc": ("training", "batch"), "input": "two"}
    trail, place, what, _ = told(error, document)
    assert (trail, place.line, place.column) == (("training", "batch"), 2, 3)
    assert "whole number" in what


def test_a_yaml_error_without_a_mark_is_placed_at_the_beginning():
    import yaml

    assert explained(yaml.YAMLError("odd"), "a")[:2] == (1, 1)
