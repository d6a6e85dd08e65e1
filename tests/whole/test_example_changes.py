"""The table in README.md, row by row, over the example project: exactly these items, and the LoRA's bytes move or stay.

README.md says what is redone, ``changes.py`` makes the changes; a row that stands in only one of them fails.
"""

import re
from pathlib import Path

import pytest
import short
from changes import ROWS
from edits import all_of, dot, say
from safetensors.numpy import load_file
from short import FIRST, PRIORS, TRAINED

from lorabuild.graph.order import STAGES

README = Path(__file__).parents[2] / "README.md"
HEADING = "## What a change redoes"
WORDS = {
    "nothing": {},
    "nothing (`lora.manifest.tsv` follows)": {},
    "train →": TRAINED,
    "latents of prior pictures": {"latents": PRIORS},
}
SAME, PACKED, OTHER = "same file", "same weights", "new"


def table():
    """The rows of README's table: change → (what is redone, what becomes of the file)."""
    section = README.read_text("utf-8").partition(f"{HEADING}\n")[2].partition("\n## ")[0]
    rows = [re.split(r" *(?<!\\)\| *", line.strip("| ")) for line in section.splitlines() if line.startswith("|")]
    return {change: (redone, file) for change, redone, file in rows[2:]}


def promised(redone):
    """Stage → items that run, as a cell says it: ``caption 8``, ``latents all``, ``balance``, ``train →``."""
    found = {}
    for part in redone.split(", "):
        stage, _, count = part.partition(" ")
        found |= WORDS[part] if part in WORDS else {stage: FIRST[stage] if count == "all" else int(count or 1)}
    return found


TABLE = table()
CASES = {f"{row}: {name}": (row, case) for row, cases in ROWS.items() for name, case in cases.items()}


@pytest.fixture
def project(tmp_path, example):
    return example.copy(tmp_path / "zorbl")


def counts(built):
    """Stage → (ran, reused)."""
    assert built.code == 0, built.text
    return {stage: (done["ran"], done["reused"]) for stage, done in built.said[-1]["stages"].items()}


def expected(ran, more):
    return {stage: (ran.get(stage, 0), FIRST[stage] + more.get(stage, 0) - ran.get(stage, 0)) for stage in STAGES}


def handed(built):
    """Where the LoRA is."""
    (path,) = [entry["path"] for entry in built.said[-1]["outputs"] if entry["path"].endswith(".safetensors")]
    return path


def file_of(project, path):
    """The LoRA's digest, and its weights."""
    tensors = load_file(project.path(path))
    return project.sha(path), {name: tensor.tobytes() for name, tensor in tensors.items()}


def became(before, after):
    if before[0] == after[0]:
        return SAME
    return PACKED if before[1] == after[1] else OTHER


def hold_plan_to(plan, built):
    """What was planned is what ran, and no less where the plan says that it can't know."""
    ran = built.said[-1]["stages"]
    assert plan.code == (3 if any(done["ran"] for done in ran.values()) else 0)
    for stage in plan.said[0]["stages"]:
        name, todo = stage["name"], stage["todo"]
        assert todo >= ran[name]["ran"] if stage["upper_bound"] else todo == ran[name]["ran"], name


def hold_reasons_to(project, why):
    """``why`` names the word or the item, then and now."""
    stage, *words = why
    reasons = project.run("why", stage, "--json").said[0]["reasons"]
    told = [f"{entry['item']}: {entry['why']}" for entry in reasons if entry["stage"] == stage]
    assert any(all(word in line for word in words) for line in told), told


def test_readme_and_the_changes_below_have_the_same_rows():
    assert list(TABLE) == list(ROWS)
    assert all(file in (SAME, PACKED, OTHER) for _, file in TABLE.values())


def test_the_first_build_makes_each_picture_and_text_once(tmp_path):
    assert counts(short.make(tmp_path / "zorbl").build()) == expected(FIRST, {})


@pytest.mark.parametrize(("row", "case"), CASES.values(), ids=CASES)
def test_a_change_redoes_what_the_table_says(project, row, case):
    if case.before:
        case.before(project)
        assert project.build().code == 0
    before = file_of(project, short.LORA)
    case.change(project)
    plan = project.run("plan", "--json")
    if case.why:
        hold_reasons_to(project, case.why)
    built = project.build()
    redone, file = TABLE[row]
    assert counts(built) == expected(promised(redone), case.more)
    assert became(before, file_of(project, handed(built))) == file
    hold_plan_to(plan, built)
    assert project.build().ran == {}


def test_a_change_taken_back_redoes_nothing(project):
    before = project.sha(short.LORA)
    project.write("lr: 2.0e-3", "lr: 3.0e-3")
    assert project.build().ran == TRAINED
    project.write("lr: 3.0e-3", "lr: 2.0e-3")
    assert project.run("plan").code == 0
    assert project.build().ran == {}
    assert project.sha(short.LORA) == before


def test_two_changes_at_once_redo_what_either_redoes(project):
    all_of(dot("dataset/plain/03.png"), say(("steps: 36 ", "steps: 48 ")))(project)
    union = promised(TABLE["the pixels of an image"][0]) | promised(TABLE["step budget, epochs, concept weight"][0])
    assert counts(project.build()) == expected(union, {})
