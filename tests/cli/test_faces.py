import argparse
import json
import sys
from pathlib import Path

import events
import pytest

from lorabuild.cli.faces import Plain, face, json_line
from lorabuild.cli.terminal import Terminal
from lorabuild.core.events import Event


def said_by(capsys, told, **wishes):
    plain = Plain(events.PROJECT, Path("there"), **wishes)
    for event in told:
        plain(event)
    out, err = capsys.readouterr()
    assert out == ""
    return err.splitlines()


@pytest.mark.parametrize("event", events.EVERY, ids=lambda event: event.kind)
def test_every_event_is_one_json_object_on_stdout(capsys, event):
    json_line(event)
    out, err = capsys.readouterr()
    assert err == ""
    (line,) = out.splitlines()
    said = json.loads(line)
    assert said.pop("event") == event.kind
    assert said.pop("stage", "") == event.stage
    assert said == event.data


def test_a_log_has_a_line_a_stage(capsys):
    assert said_by(capsys, [events.STAGE, events.PROGRESS, events.STAGE_DONE]) == [
        "tag       3 done, 17 reused in 2.2 s – new"
    ]


def test_a_stage_without_work_says_so(capsys):
    assert said_by(capsys, [Event("stage_done", "tag", {"ran": 0, "reused": 20, "seconds": 0.0})]) == [
        "tag       up to date"
    ]


def test_what_else_a_log_says(capsys):
    assert said_by(capsys, [events.ASIDE, events.WARNING, events.NOTE, events.WROTE]) == [
        "set aside: bad [1].png – it is no picture",
        "warning: d.png is a.png [duplicate]",
        "another build is running",
    ]
    table = said_by(capsys, [events.TOLD])
    assert table[0].split() == ["concept", "images", "repeats", "per", "epoch", "budgeted"]
    assert said_by(capsys, [events.DONE])[0].startswith("built in 62 s")


def test_progress_is_told_now_and_then_and_ever_less_often(capsys):
    clock = events.Clock()
    plain = Plain(events.PROJECT, clock=clock)
    plain(events.STAGE)
    told = []
    for second in range(1, 1200):
        clock.now += 1
        plain(Event("progress", "tag", {"done": second, "total": 1200}))
        if capsys.readouterr().err:
            told.append(second)
    assert told[:3] == [5, 10, 15]
    assert told[-1] - told[-2] > 30


def test_quiet_leaves_warnings_and_what_was_set_aside(capsys):
    assert len(said_by(capsys, events.EVERY, only=("aside", "warning"))) == 2


def test_verbose_names_every_item_and_file(capsys):
    found = said_by(capsys, [events.STAGE, events.WROTE], verbose=True)
    assert found == ["tag       a.png: new"] * 3 + ["wrote out/x"]


def test_an_unknown_event_is_no_trouble(capsys):
    assert said_by(capsys, [Event("item", "tag", {})]) == []


def test_the_command_line_and_the_stream_choose_the_face(monkeypatch, capsys):
    def chosen(**words):
        with face(argparse.Namespace(**words), events.PROJECT) as emit:
            return emit

    assert chosen(json=True) is json_line
    assert chosen(quiet=True).only == ("aside", "warning")
    plain = chosen(folder="there", verbose=True)
    assert isinstance(plain, Plain)
    assert (plain.folder, plain.verbose) == (Path("there"), True)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(chosen(), Terminal)
    capsys.readouterr()
