"""A command with nothing to compute imports nothing heavy, and says what a person and a program need to know."""

import json
import re
import subprocess
import sys
import time

import pytest
import small

from lorabuild.core.nullcheck import answer
from lorabuild.graph.order import STAGES

HEAVY = {"torch", "numpy", "PIL", "onnxruntime", "diffusers", "transformers", "accelerate", "peft", "safetensors"}
CHECKING = {"pydantic", "yaml"}
"""What reads settings; those that the last build checked are kept."""
NULL = "lorabuild.core.nullcheck"
COMMANDS = {
    "status": ("status",),
    "status as json": ("status", "--json"),
    "plan": ("plan",),
    "why": ("why", "train"),
    "help": ("--help",),
    "build with nothing to do": ("build", "--rehash"),
}


def imports(*words):
    """Exit code, and the modules that a command line imports."""
    command = [sys.executable, "-P", "-X", "importtime", "-m", "lorabuild", *words]  # the lorabuild that built
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    named = re.findall(r"^import time:.*\|\s*([\w.]+)$", done.stderr, re.MULTILINE)
    assert len(named) > 20, done.stderr
    return done.returncode, set(named)


@pytest.fixture
def settled(project):
    """The built project with its own null index: what is copied this moment is too young for one."""
    time.sleep(0.05)
    assert project.build().ran == {}
    return project


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_nothing_heavy_is_imported(project, words):
    code, modules = imports("-C", str(project.root), *words)
    assert code == 0
    assert not {name.partition(".")[0] for name in modules} & (HEAVY | CHECKING)


def test_nothing_heavy_is_imported_to_plan_a_project_that_was_never_built(fresh):
    code, modules = imports("-C", str(fresh.root), "plan")
    assert code == 3
    assert not {name.partition(".")[0] for name in modules} & HEAVY
    assert not fresh.path(".lorabuild").exists()


def test_a_build_with_nothing_to_do_is_answered_by_builtins_alone(settled):
    code, modules = imports("-C", str(settled.root))
    assert code == 0
    assert {name for name in modules if name.startswith("lorabuild")} == {"lorabuild", "lorabuild.core", NULL}
    assert not modules & {"pathlib", "argparse", "json", "sqlite3", "pydantic", "yaml"}


@pytest.mark.parametrize("broken", [False, True], ids=["sound", "with a broken picture"])
def test_what_it_answers_is_what_the_long_way_answers(settled, broken):
    if broken:
        settled.path("dataset/plain/broken.png").write_bytes(b"")
        time.sleep(0.05)
        assert settled.build().ran == {"scan": 1, "report": 1}
        assert settled.build().said[-1]["aside"]
    assert answer(str(settled.root), "report", "json") is not None
    slow = settled.build().said[-1]
    quick = json.loads(settled.process("build", "--json").communicate()[0].splitlines()[-1])
    for said in (slow, quick):
        said["seconds"] = 0
        for counts in said["stages"].values():
            counts["seconds"] = 0
    assert quick == slow


NOTICED = {
    "a picture": lambda p: small.picture((1, 2, 3)).save(p.path("dataset/plain/c.png")),
    "a new picture": lambda p: small.picture((1, 2, 3)).save(p.path("dataset/plain/new.png")),
    "a caption": lambda p: p.path("dataset/plain/c.txt").write_text("x", "utf-8"),
    "a word": lambda p: p.write("1.0e-3", "2.0e-3"),
    "the base": lambda p: p.path("base/unet/config.json").write_text(p.path("base/unet/config.json").read_text() + " "),
    "the tagger": lambda p: p.path("tagger/selected_tags.csv").write_bytes(b"x"),
    "an output": lambda p: p.path(small.LORA).unlink(),
    "the lock": lambda p: p.path("lora.lock").write_bytes(b""),
}


@pytest.mark.parametrize("change", NOTICED.values(), ids=NOTICED)
def test_the_quick_answer_is_given_only_while_nothing_has_changed(settled, change):
    assert answer(str(settled.root), "report", "json") is not None
    change(settled)
    assert answer(str(settled.root), "report", "json") is None


def test_plan_is_three_before_and_zero_after(fresh, built):
    before, after = fresh.run("plan", "--json"), built.run("plan", "--json")
    assert (before.code, after.code) == (3, 0)
    assert (before.said[0]["clean"], after.said[0]["clean"]) == (False, True)
    assert fresh.run("plan").code == 3
    assert "nothing to do" in built.run("plan").text


def test_what_plan_says_in_json(fresh):
    (found,) = fresh.run("plan", "--json").said
    stages = {stage["name"]: stage for stage in found["stages"]}
    assert tuple(stages) == STAGES
    for stage in stages.values():
        assert stage["total"] == stage["todo"] + stage["reused"]
        assert all(set(reason) == {"item", "why"} for reason in stage["reasons"])
    assert (stages["scan"]["total"], stages["train"]["total"]) == (8, 1)
    assert [row["name"] for row in found["concepts"]] == ["plain", "cape"]
    for row in found["concepts"]:
        assert {"name", "images", "repeats", "per_epoch", "share"} <= set(row)
    assert {row["name"] for row in found["triggers"]} == {"zorbl", "zorbl_cape"}
    assert all({"name", "per_epoch", "total"} <= set(row) for row in found["triggers"])
    assert {"image", "optimizer", "epochs"} <= set(found["steps"])
    assert all({"code", "item", "text"} == set(warning) for warning in found["warnings"])


def test_the_balance_of_the_plan_is_that_of_the_build(fresh, built):
    before, after = (project.run("plan", "--json").said[0] for project in (fresh, built))
    plain, cape = before["concepts"]
    assert plain["images"] == 5  # that two of them are equal shows when they are decoded
    assert cape == after["concepts"][1]
    assert after["concepts"][0]["images"] == 4
    assert {"duplicate"} <= {warning["code"] for warning in after["warnings"]}


def test_what_status_says_in_json(built):
    (found,) = built.run("status", "--json").said
    assert found["clean"] is True
    images = {image["path"]: image for image in found["images"]}
    wide = images["dataset/cape/f.png"]
    assert (wide["width"], wide["height"], wide["bucket"]) == (120, 40, [96, 32])
    assert wide["concept"] == "cape"
    assert wide["caption"] == "zorbl, zorbl_cape, blue, green"
    assert wide["tags"] == ["blue", "green"]
    assert wide["repeats"] == 2
    assert wide["file_digest"].startswith("b3:")
    assert wide["pixel_digest"].startswith("b3:")
    assert images["dataset/plain/a_again.png"]["twin_of"] == "dataset/plain/a.png"
    assert images["dataset/cape/g.png"]["caption"] == "zorbl, zorbl_cape, grey, by hand"


def test_status_knows_buckets_and_repeats_before_anything_is_built(fresh):
    (found,) = fresh.run("status", "--json").said
    images = {image["path"]: image for image in found["images"]}
    assert images["dataset/cape/f.png"]["bucket"] == [96, 32]
    assert images["dataset/cape/f.png"]["repeats"] == 2
    assert images["dataset/cape/f.png"]["caption"] is None
    assert found["clean"] is False


WHY = {
    "captions": (
        lambda p: p.write("threshold: 0.35", "threshold: 0.4"),
        "caption",
        "captions.tagger.threshold 0.35 → 0.4",
    ),
    "training": (lambda p: p.write("1.0e-3", "2.0e-3"), "train", "training.optimizer.lr 0.001 → 0.002"),
    "budget": (lambda p: p.write("steps: 24,", "steps: 32,"), "balance", "budget.steps 24 → 32"),
    "prompt": (lambda p: p.write("zorbl, red", "zorbl, hat"), "sample", "new"),
}


@pytest.mark.parametrize(("change", "stage", "cause"), WHY.values(), ids=WHY)
def test_why_names_what_changed_then_and_now(project, change, stage, cause):
    assert project.run("why", stage, "--json").said[0]["reasons"] == []
    change(project)
    reasons = project.run("why", stage, "--json").said[0]["reasons"]
    assert {entry["stage"] for entry in reasons} == {stage}
    assert {entry["why"] for entry in reasons} == {cause}


def test_why_answers_for_one_picture(project):
    small.picture((1, 2, 3), (64, 48)).save(project.path("dataset/plain/c.png"))
    first, *rest = project.run("why", "dataset/plain/c.png", "--json").said[0]["reasons"]
    assert first == {"stage": "scan", "item": "dataset/plain/c.png", "why": first["why"]}
    assert re.fullmatch("file b3:[0-9a-f]{6}… → b3:[0-9a-f]{6}…", first["why"])
    assert {entry["why"] for entry in rest} == {"waits for scan"}
    assert project.run("why", "dataset/plain/d.png", "--json").said[0]["reasons"] == []
    told = project.run("why", "dataset/plain/cc.png")
    assert told.code == 2
    assert "did you mean `lorabuild why dataset/plain/c.png`?" in told.text
