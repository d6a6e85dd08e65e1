"""lorabuild.schema.load, lorabuild.schema.loaded: what becomes of a lora.yaml."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lorabuild.core.errors import ProjectError
from lorabuild.schema.load import completed, load, parse
from lorabuild.schema.problems import MOST_SHOWN, Problem, ProblemsError
from lorabuild.schema.project import Project
from lorabuild.schema.training import AdamW


def test_a_good_project_loads_with_its_defaults_and_places(project, tmp_path):
    loaded = project("training:\n  batch: 2\n")
    assert loaded.project.training.batch == 2
    assert loaded.project.training.optimizer == AdamW()
    assert loaded.site.root == tmp_path
    assert loaded.site.project is loaded.project
    assert loaded.where("training.batch") == "lora.yaml:8:3 training.batch"
    assert loaded.where("concepts.plain.triggers.0") == "lora.yaml:6:45 concepts.plain.triggers.0"


def test_a_missing_word_is_placed_at_its_section(project):
    loaded = project("training:\n  batch: 2\n")
    assert loaded.where("training.loss") == "lora.yaml:7:1 training.loss"
    assert loaded.where("samples.seed") == "lora.yaml samples.seed"


def test_names_with_dots_have_a_place(project):
    loaded = project(good="name: a\nbase: {model: base}\nconcepts:\n  v1.5: {folder: x}\n")
    assert loaded.place("concepts", "v1.5") == "lora.yaml:4:3 concepts.v1.5"


@pytest.mark.parametrize("number", ["1e-4", "1.0e-4", "0.0001", "1E-4", ".0001", "+1e-4"])
def test_a_number_is_what_looks_like_one(project, number):
    assert project(f"training: {{optimizer: {{lr: {number}}}}}\n").project.training.optimizer.lr == 1e-4


def test_empty_sections_mean_their_defaults(project):
    loaded = project("training:\nsamples:\n  prompts:\nimages: {buckets: }\nregularization:\n")
    assert loaded.project == project().project
    assert loaded.project.regularization is None


def test_an_empty_trigger_is_a_trigger(project):
    concepts = "concepts: {p: {folder: x, triggers: [a, b]}}\n"
    loaded = project(good="name: a\nbase: {model: b}\ntriggers: {a: , b: }\n" + concepts)
    assert list(loaded.project.triggers) == ["a", "b"]


def test_a_section_without_type_is_of_the_usual_one(project):
    loaded = project("network: {dim: 4}\ncaptions: {tagger: {extension: .tags}}\ntraining: {schedule: {restarts: 3}}\n")
    assert loaded.project.network.type == "lora"
    assert loaded.project.captions.tagger.extension == ".tags"
    assert loaded.project.training.schedule.restarts == 3


def test_anchors_and_merges_work(project):
    loaded = project(
        good="name: a\nbase: {model: b}\nconcepts:\n"
        "  one: &one {folder: x, weight: 2}\n  two: {<<: *one, folder: y}\n"
        "  three: {<<: [{weight: 3}, *one], folder: z}\n"
    )
    concepts = loaded.project.concepts
    assert [concepts[name].weight for name in ("one", "two", "three")] == [2, 2, 3]
    assert [concepts[name].folder for name in ("one", "two", "three")] == ["x", "y", "z"]


def test_the_order_of_the_file_is_kept(project):
    loaded = project(good="name: a\nbase: {model: b}\nconcepts: {z: {folder: x}, a: {folder: x}, m: {folder: x}}\n")
    assert list(loaded.project.concepts) == ["z", "a", "m"]


def test_all_problems_are_told_in_the_order_of_the_file(wrong):
    told = wrong("training: {lr: 1}\nbudget: {epochs: 0}\nnam: 3\n")
    assert [problem["where"] for problem in told] == [
        "lora.yaml:7:12 training.lr",
        "lora.yaml:8:10 budget.epochs",
        "lora.yaml:9:1 nam",
    ]


def test_one_message_shows_the_first_and_counts_the_rest():
    error = ProblemsError([Problem(f"lora.yaml:{line}:1", f"wrong {line}", "right") for line in range(1, 12)])
    assert str(error).startswith("lora.yaml:1:1: wrong 1\n  → right\nlora.yaml:2:1: wrong 2")
    assert str(error).endswith(f"… and {11 - MOST_SHOWN} more")
    assert (error.where, error.what, error.next_step) == ("lora.yaml:1:1", "wrong 1", "right")
    assert error.exit_code == 2
    assert len(error.problems) == 11
    assert json.dumps(error.problems[0]) == '{"where": "lora.yaml:1:1", "what": "wrong 1", "next_step": "right"}'


def test_a_missing_file_is_answered_with_init(tmp_path):
    for path in (tmp_path, tmp_path / "lora.yaml"):
        with pytest.raises(ProjectError, match=r"there is no lora\.yaml here") as caught:
            load(path)
        assert "lorabuild init" in caught.value.next_step
        assert caught.value.exit_code == 2


def test_a_folder_or_a_file_may_be_named(project, tmp_path):
    project()
    (tmp_path / "lora.yaml").write_text("name: a\nbase: {model: b}\nconcepts: {p: {folder: x}}\n", "utf-8-sig")
    assert load(tmp_path).project == load(tmp_path / "lora.yaml").project
    assert load(tmp_path).site.root == tmp_path


def test_a_file_that_is_not_utf8(tmp_path):
    (tmp_path / "lora.yaml").write_bytes(b"name: a\ndescription: caf\xe9\n")
    with pytest.raises(ProjectError, match="not UTF-8") as caught:
        load(tmp_path)
    assert caught.value.where == "lora.yaml:2:1"


def test_a_lora_yaml_that_is_no_file(tmp_path):
    (tmp_path / "lora.yaml").mkdir()
    with pytest.raises(ProjectError, match="can't be read: Is a directory"):
        load(tmp_path)


def test_what_is_filled_in_leaves_the_given_data_alone():
    given_data = {"training": {"optimizer": {"lr": 1}, "loss": None}, "concepts": {"a": None}}
    filled = completed(given_data, Project)
    assert filled == {"training": {"optimizer": {"type": "adamw", "lr": 1}}, "concepts": {"a": {}}}
    assert given_data == {"training": {"optimizer": {"lr": 1}, "loss": None}, "concepts": {"a": None}}


SIGNS = ["*", "&", "<<", "{", "}", "[", "]", ":", "-", "#", '"', "'", "|", ">", "!!int", "%", "@", "ü"]
KNOWN = [
    "name",
    "base",
    "model",
    "concepts",
    "training",
    "optimizer",
    "type",
    "adamw",
    "lr",
    "1e-4",
    "yes",
    "~",
    "0x",
    "*x",
    "&x",
]
WORDS = st.sampled_from([*SIGNS, *KNOWN, ": ", ", ", "- ", "\n", "\n  ", "\t", "\ufeff"])


@settings(max_examples=400, deadline=None)
@given(st.lists(WORDS, max_size=30).map("".join) | st.text(max_size=40))
def test_whatever_is_written_is_a_project_or_a_problem(tmp_path_factory, text):
    try:
        parse(text, tmp_path_factory.getbasetemp())
    except ProblemsError as error:
        unplaced = [problem for problem in error.problems if not problem["where"].startswith("lora.yaml")]
    else:
        unplaced = []
    assert unplaced == []
