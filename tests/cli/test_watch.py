"""The command line of a watch, in this process; tests/whole has it in one of its own."""

import io
import json
import sys

import pytest

from lorabuild.cli.main import Terminated, main

pytestmark = pytest.mark.timeout(60)


class Interrupting(io.StringIO):
    """A stream that is interrupted as soon as this is written to it."""

    def __init__(self, text, how=KeyboardInterrupt):
        super().__init__()
        self.text, self.how = text, how

    def write(self, text):
        written = super().write(text)
        if self.text in text:
            raise self.how
        return written


def watched(project, monkeypatch, *words, how=KeyboardInterrupt):
    """Exit code and events of a watch that is ended when it is idle."""
    out = Interrupting("watch_idle", how)
    monkeypatch.setattr(sys, "stdout", out)
    code = main(["-C", str(project), "watch", "--json", *words])
    return code, [json.loads(line) for line in out.getvalue().splitlines()]


def test_it_goes_up_to_a_stage_and_ends_when_interrupted(project, monkeypatch):
    code, said = watched(project, monkeypatch, "balance")
    assert code == 130
    assert said[0] == {
        "event": "watch_started",
        "target": "balance",
        "places": ["lora.yaml", "data/plain", "data/cape", "base"],
    }
    assert said[1] == {"event": "change", "paths": [], "waited": 0.0}
    assert said[-2]["event"] == "done"
    assert list(said[-2]["stages"]) == ["scan", "prepare", "tag", "caption", "balance"]
    assert watched(project, monkeypatch, "caption", how=Terminated)[0] == 143


def test_what_is_set_on_the_command_line_holds(project, monkeypatch):
    _, said = watched(project, monkeypatch, "balance", "--poll", "--device", "cpu", "--set", "budget.steps=48")
    (table,) = [event for event in said if event["event"] == "table"]
    assert table["steps"]["image"] == 48


@pytest.mark.parametrize(("words", "target"), [((), "text"), (("--train",), "report"), (("tag", "scan"), "tag")])
def test_it_goes_up_to_the_training_unless_told_otherwise(project, monkeypatch, words, target):
    monkeypatch.setattr(sys, "stdout", out := Interrupting("watch_started"))
    assert main(["-C", str(project), "watch", "--json", *words]) == 130
    assert json.loads(out.getvalue())["target"] == target


def test_people_get_lines(project, monkeypatch):
    monkeypatch.setattr(sys, "stderr", err := Interrupting("start → "))
    assert main(["-C", str(project), "watch", "balance"]) == 130
    first, *_, last, _, stopped = err.getvalue().splitlines()
    assert first == "watching lora.yaml, data/plain, data/cape, base, up to balance – Ctrl-C ends it"
    assert "start → 4 read, prepared, tagged, captioned; balanced" in last
    assert stopped.startswith("stopped")


def test_a_project_that_is_wrong_to_begin_with_is_not_watched(project, capsys):
    (project / "lora.yaml").write_text("name: [", "utf-8")
    assert main(["-C", str(project), "watch"]) == 2
    assert "lora.yaml:1:8" in capsys.readouterr().err


def test_all_the_way_and_up_to_a_stage_is_a_contradiction(project, capsys):
    assert main(["-C", str(project), "watch", "tag", "--train"]) == 2
    assert "`--train` goes all the way, and `tag` does not" in capsys.readouterr().err
