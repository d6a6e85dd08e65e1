"""lorabuild.schema.override: ``--set a.b=c``."""

import pytest

from lorabuild.schema.document import read
from lorabuild.schema.override import apply


def test_a_word_is_set_and_its_sections_are_made(project):
    loaded = project(overrides=["training.optimizer.lr=2e-4", "network.dim=4", "samples.prompts=[a b, c]"])
    assert loaded.project.training.optimizer.lr == 2e-4
    assert loaded.project.network.dim == 4
    assert [one.prompt for one in loaded.project.samples.prompts] == ["a b", "c"]


def test_what_is_set_wins_over_the_file_and_the_last_one_wins(project):
    assert project("budget: {steps: 10}\n", overrides=["budget.steps=20", "budget.steps=30"]).project.budget.steps == 30


def test_a_whole_section_can_be_set(project):
    more = "training:\n  optimizer: {type: adamw, betas: [0.5, 0.5]}\n"
    loaded = project(more, overrides=["training.optimizer={type: prodigy}"])
    assert loaded.project.training.optimizer.type == "prodigy"
    assert loaded.where("training.optimizer.lr") == "--set training.optimizer={type: prodigy}"


def test_a_set_word_is_placed_on_the_command_line(project):
    loaded = project("training: {batch: 2}\n", overrides=["training.batch=3"])
    assert loaded.where("training.batch") == "--set training.batch=3"
    assert loaded.where("training") == "lora.yaml:7:1 training"


@pytest.mark.parametrize(
    ("override", "what", "next_step"),
    [
        ("training.lr=1", "no word `lr` under `training`", "belongs under `training.optimizer`"),
        ("trainign.batch=1", "no word `trainign`", "`training`"),
        ("training.batch=two", "whole number", "batch: 1"),
        ("training={batch: two}", "here stands the text `two`", "batch: 1"),
        ("network.type=locn", "can't be `locn`", "type: locon"),
        ("name.a=3", "`name` is no section", "--set name=…"),
        ("name", "sets nothing", "--set word=value"),
        ("=3", "sets nothing", "--set word=value"),
        ("a..b=3", "sets nothing", "--set word=value"),
        ("captions.drop=[*x]", "begins with a star", '"*x"'),
        ("output.title=yes", "which YAML reads as true", '"yes"'),
    ],
)
def test_mistakes_are_answered_as_in_the_file(wrong, override, what, next_step):
    (problem,) = wrong(overrides=[override])
    assert problem["where"] == f"--set {override}"
    assert what in problem["what"]
    assert next_step in problem["next_step"]


def test_shared_sections_are_not_changed_together(project):
    good = "name: a\nbase: {model: b}\nconcepts:\n  one: &one {folder: x}\n  two: *one\n"
    loaded = project(good=good, overrides=["concepts.one.weight=2"])
    assert [concept.weight for concept in loaded.project.concepts.values()] == [2, 1]


def test_nothing_behind_the_equals_sign_is_nothing(project):
    assert project("budget: {steps: 10}\n", overrides=["budget.steps="]).project.budget.steps is None


def test_a_document_keeps_the_places_of_other_words():
    document = read("a: {b: 1, c: 2}\n", "lora.yaml")
    apply(document, "a.b=5")
    assert document.data == {"a": {"b": 5, "c": 2}}
    assert document.where(("a", "c")) == "lora.yaml:1:11 a.c"
