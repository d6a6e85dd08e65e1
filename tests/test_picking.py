"""`lorabuild pick` on the example's base, in short: a run that is too short is told."""

import json
import shutil
from pathlib import Path

import pytest

from lorabuild.cli.main import main

EXAMPLE = Path(__file__).parents[1] / "example_project"
SHORT = ("regularization=null", "samples.prompts=[]", "samples.steps=6", "judge.pictures=4", "judge.weights=[2]")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("picking") / "zorbl"
    left_behind = shutil.ignore_patterns("out", ".lorabuild", "make", "lora.lock", "lora.manifest.tsv")
    shutil.copytree(EXAMPLE, folder, ignore=left_behind)
    for image in sorted((folder / "dataset").rglob("*.png"))[::2]:  # half of the images are known by heart sooner
        image.unlink()
    return folder


def told(project, capsys, *words):
    """What `pick --json` says of a run with these words."""
    said = [part for word in (*SHORT, *words) for part in ("--set", word)]
    assert main(["-C", str(project), "build", "sample", "-q", *said]) == 0
    capsys.readouterr()
    assert main(["-C", str(project), "pick", "--json", *said]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_run_that_is_too_short_is_told(project, capsys):
    found = told(project, capsys, "budget.steps=24", "budget.epochs=2")
    assert found["verdict"] == "undertrained"
    assert "raise `budget.steps`" in found["why"][-1]
