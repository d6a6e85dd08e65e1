import json

import pytest

from lorabuild.cli.main import main
from lorabuild.graph import checkup


@pytest.fixture(autouse=True)
def _torch(monkeypatch):
    monkeypatch.setattr(checkup, "seen_by_torch", lambda: {"torch": "2", "cuda": None, "devices": []})


def test_for_people_it_is_a_paragraph_for_each_thing_and_a_sum(project, capsys):
    assert main(["-C", str(project), "doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    heads = [line for line in lines if line and not line.startswith(" ")]
    assert heads[:-1] == ["versions", "devices", "disk", "file system", "project"]
    assert heads[-1].startswith("nothing stops a build; ")
    assert "  ok      tiny: lora.yaml is right" in lines
    assert max(map(len, lines)) <= 100


def test_a_problem_is_shouted_and_ends_with_1(project, capsys):
    (project / "lora.lock").write_text("<<<<<<< ours\n", "utf-8")
    assert main(["-C", str(project), "doctor"]) == 1
    out = capsys.readouterr().out
    assert "  PROBLEM lora.lock: this file holds a merge conflict" in out
    assert "          → take one side" in out
    assert out.splitlines()[-1].startswith("1 problem, ")


def test_quiet_says_only_what_is_not_as_it_should_be(project, capsys, monkeypatch):
    monkeypatch.setattr(
        checkup, "seen_by_torch", lambda: {"devices": [{"kind": "cuda", "name": "G", "free": 1, "total": 2}]}
    )
    monkeypatch.setattr(checkup, "room", lambda _folder: (10**12, 1))
    monkeypatch.setattr(checkup, "watch_limits", lambda: None)
    assert main(["-C", str(project), "doctor", "-q"]) == 0
    assert capsys.readouterr().out == "nothing stops a build; no notes\n"


def test_for_programs(tmp_path, capsys):
    assert main(["-C", str(tmp_path), "doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is True
    assert set(found["findings"][0]) == {"about", "level", "text", "next_step"}
