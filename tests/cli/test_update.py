import json
import os
import subprocess
import sys
from pathlib import Path

import fake_hub
import light
import pytest

import lorabuild
from lorabuild.cli import fetch, update
from lorabuild.cli.main import main


@pytest.fixture
def hub(tmp_path, monkeypatch):
    with fake_hub.at_home(monkeypatch, tmp_path / "cache") as running:
        yield running


@pytest.fixture
def far(project, hub):
    first = hub.push_folder("some/model", project / "base")
    light.write(project, base={"model": "some/model"})
    return project, first


def said(capsys, *words):
    code = main([*words])
    out, err = capsys.readouterr()
    return code, out, err


def test_fetch_says_what_it_costs_and_then_that_it_is_here(far, capsys):
    root, _ = far
    code, out, err = said(capsys, "fetch", "-C", str(root), "--dry-run")
    assert (code, out) == (0, "")
    assert "base: some/model at main" in err
    assert "to download" in err
    assert "would be downloaded" in err
    assert "this machine needs no network now" in said(capsys, "fetch", "-C", str(root))[2]
    assert "everything is here" in said(capsys, "fetch", "-C", str(root))[2]
    assert said(capsys, "fetch", "-C", str(root), "-q")[1:] == ("", "")
    row = json.loads(said(capsys, "fetch", "-C", str(root), "--json")[1])["models"][0]
    assert (row["missing"], row["here"]) == (0, row["bytes"])


def test_update_says_from_where_to_where(far, hub, capsys):
    root, first = far
    assert "isn't pinned yet" in said(capsys, "update", "-C", str(root))[2]
    light.finished(root)
    light.built(root, targets=())
    assert "is the newest" in said(capsys, "update", "-C", str(root))[2]
    second = hub.push_folder("some/model", root / "base", model_index__json=b"{}")
    err = said(capsys, "update", "-C", str(root), "--dry-run")[2]
    assert f"{first[:12]} → {second[:12]}" in err
    assert "nothing was changed" in err
    (row,) = json.loads(said(capsys, "update", "base", "-C", str(root), "--json")[1])["models"]
    assert row == {
        "model": "base", "source": "some/model", "branch": "main", "then": first, "now": second, "moved": True
    }  # fmt: skip
    light.write(root, base={"model": f"some/model@{second}"})
    assert "as lora.yaml says" in said(capsys, "update", "-C", str(root))[2]


def test_exit_codes(far, capsys, monkeypatch):
    root, _ = far
    assert said(capsys, "update", "nothing", "-C", str(root))[0] == 2
    light.write(root, base={"model": "no/such"})
    assert said(capsys, "fetch", "-C", str(root))[0] == 2
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert said(capsys, "fetch", "-C", str(root))[0] == 1


def test_a_project_without_hub_models(project, capsys):
    assert "takes no model from the hub" in said(capsys, "update", "-C", str(project))[2]
    assert "everything is here" in said(capsys, "fetch", "-C", str(project))[2]


def test_lines_of_rows():
    row = {"model": "base", "source": "o/m", "revision": "main", "here": 0, "missing": 0, "bytes": 0, "checked": False}
    assert "the hub can't be asked" in fetch._line(row)
    assert fetch._line(row | {"checked": True, "missing": 2000, "here": 10}).endswith("2.0 kB to download, 10 B here")
    assert next(update._lines([], dry_run=False)) == "this project takes no model from the hub"


def test_as_a_program_with_the_library_s_own_variables(project, tmp_path):
    """Nothing is patched: HF_ENDPOINT and HF_HOME alone lead there."""
    with fake_hub.serving() as (hub, address):
        hub.push_folder("some/model", project / "base")
        light.write(project, base={"model": "some/model"})
        room = {**os.environ, "HF_ENDPOINT": address, "HF_HOME": str(tmp_path / "home")}
        room["PYTHONPATH"] = str(Path(lorabuild.__file__).parents[1])
        command = [sys.executable, "-W", "error", "-m", "lorabuild", "-C", str(project)]
        done = subprocess.run([*command, "fetch"], env=room, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        assert "downloaded" in done.stderr
    room["HF_HUB_OFFLINE"] = "1"
    done = subprocess.run([*command, "balance"], env=room, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
