"""The example project, built whole: the LoRA works, the rest of the base's world stays as it was."""

import json
import shutil
from pathlib import Path

import drawn
import numpy as np
import pytest
import safetensors

from lorabuild.cli.main import main

EXAMPLE = Path(__file__).parents[1] / "example_project"
COUNT, STEPS = 32, 12
LEFT_BEHIND = shutil.ignore_patterns("out", ".lorabuild", "make", "lora.lock", "lora.manifest.tsv")
TRIGGER_SEED, CAPE_SEED, FREE_SEED = 1000, 2000, 3000


def build(project, capsys, *words):
    """The last line of ``build --json``."""
    capsys.readouterr()
    assert main(["-C", str(project), "build", "--json", *words]) == 0
    return json.loads(capsys.readouterr().out.splitlines()[-1])


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("example") / "zorbl"
    shutil.copytree(EXAMPLE, folder, ignore=LEFT_BEHIND)
    assert main(["-C", str(folder), "-q"]) == 0
    return folder


@pytest.fixture(scope="module")
def easel(project):
    return drawn.Easel(project, STEPS)


@pytest.fixture(scope="module")
def lora(project):
    return (project / "out" / "zorbl.safetensors").read_bytes()


@pytest.fixture(scope="module")
def free():
    return drawn.without_trigger(2 * COUNT)


@pytest.fixture(scope="module")
def base_pictures(easel, free):
    return easel.draw(free, FREE_SEED)


@pytest.fixture(scope="module")
def pictures_without(easel, free, lora):
    return easel.draw(free, FREE_SEED, lora)


@pytest.fixture(scope="module")
def pictures_with(easel, lora):
    return easel.draw(drawn.with_trigger(COUNT, cape=False), TRIGGER_SEED, lora)


@pytest.fixture(scope="module")
def pictures_caped(easel, lora):
    return easel.draw(drawn.with_trigger(COUNT, cape=True), CAPE_SEED, lora)


def test_the_trigger_draws_the_new_creature(pictures_with, pictures_caped):
    assert drawn.creatures(np.concatenate([pictures_with, pictures_caped])) >= 0.85


def test_without_the_trigger_it_does_not_appear(pictures_without, base_pictures):
    assert drawn.creatures(pictures_without) <= 0.1
    assert drawn.creatures(base_pictures) <= 0.1


def test_the_base_does_not_know_the_trigger(easel):
    assert drawn.creatures(easel.draw(drawn.with_trigger(COUNT, cape=False), TRIGGER_SEED)) <= 0.1


def test_the_outfit_comes_when_asked_and_only_then(pictures_with, pictures_caped):
    assert drawn.capes(pictures_caped) >= 0.8
    assert drawn.capes(pictures_with) <= 0.15


@pytest.mark.parametrize(
    ("head", "within"), [("background", 0.05), ("size", 0.05), ("limbs", 0.05), ("shape", 0.1), ("colour", 0.1)]
)
def test_what_the_base_knew_stays(head, within, free, base_pictures, pictures_without):
    before, after = drawn.follows(free, base_pictures)[head], drawn.follows(free, pictures_without)[head]
    assert after >= before - within


def test_weight_0_is_exactly_the_base(easel, free, lora, base_pictures):
    assert np.array_equal(easel.draw(free[:8], FREE_SEED, lora, weight=0.0), base_pictures[:8])


def test_the_folders_get_different_repeats_and_an_equal_share(project, capsys):
    assert main(["-C", str(project), "plan", "--json"]) == 0
    concepts = {row["name"]: row for row in json.loads(capsys.readouterr().out)["concepts"]}
    assert concepts["plain"]["repeats"] < concepts["cape"]["repeats"]
    assert concepts["plain"]["share"] == concepts["cape"]["share"]


def test_captions_by_hand_win_and_triggers_absorb(project, capsys):
    assert main(["-C", str(project), "status", "--json"]) == 0
    images = {image["path"]: image for image in json.loads(capsys.readouterr().out)["images"]}
    assert images["dataset/plain/06.png"]["caption"] == (project / "dataset/plain/06.txt").read_text("utf-8").strip()
    machine = images["dataset/cape/01.png"]["caption"].split(", ")
    assert machine[:2] == ["zorbl", "zorbl_cape"]
    assert not [tag for tag in machine if tag.endswith(("_body", "_skin", "_eye", "_cape")) and tag != "zorbl_cape"]


def test_pictures_are_trimmed_painted_over_and_cut_out_of_a_sheet(project, capsys):
    assert main(["-C", str(project), "status", "--json"]) == 0
    images = {image["path"]: image for image in json.loads(capsys.readouterr().out)["images"]}
    done = {path: image["steps"] for path, image in images.items() if image["steps"]}
    boxes = {f"dataset/plain/sheet.png [box {number}]": ["crop"] for number in (1, 2, 3, 4)}
    assert done == {"dataset/plain/09.png": ["trim"], "dataset/plain/12.png": ["erase"], **boxes}
    assert {(image["width"], image["height"]) for image in images.values()} == {(128, 128)}


def test_there_is_nothing_to_look_twice_at(project, capsys):
    assert main(["-C", str(project), "lint", "--strict", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"findings": [], "waiting": 0}


def test_the_file_tells_what_it_is(project):
    with safetensors.safe_open(project / "out" / "zorbl.safetensors", "pt") as opened:
        words = opened.metadata()
    assert words["ss_base_model_version"] == "sd_v1"
    assert json.loads(words["ss_tag_frequency"])
    assert words["lorabuild.triggers"]


def test_again_nothing_runs(project, capsys):
    done = build(project, capsys)
    assert not any(counts["ran"] for counts in done["stages"].values())


def test_the_lock_in_git_says_what_the_example_is_made_from(project):
    kept, made = (json.loads((folder / "lora.lock").read_text("utf-8")) for folder in (EXAMPLE, project))
    for section in ("lock", "settings", "models", "stages", "concepts"):
        assert kept[section] == made[section], section
    if kept["record"] == made["record"]:  # bytes are promised on the same kind of machine
        assert kept["outputs"] == made["outputs"]
    assert (EXAMPLE / "lora.manifest.tsv").read_bytes() == (project / "lora.manifest.tsv").read_bytes()


def test_the_lock_holds(project, capsys):
    before = (project / "lora.lock").read_bytes()
    build(project, capsys, "--locked")
    assert (project / "lora.lock").read_bytes() == before
