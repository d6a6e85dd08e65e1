import argparse
import io
import re

import events
import pytest
from rich.console import Console

from lorabuild.cli.rounds import DID, ONE, Rounds, did, shortened
from lorabuild.core.events import Event
from lorabuild.graph.order import STAGES

STARTED = Event("watch_started", data={"target": "text", "places": ["lora.yaml", "data/plain", "data/cape", "base"]})
START = Event("change", data={"paths": [], "waited": 0.0})
EDIT = Event("change", data={"paths": ["data/plain/a.png"], "waited": 0.3})
NOTHING = Event("done", data={"ok": True, "seconds": 0.05, "stages": {"tag": {"ran": 0}}, "outputs": [], "aside": []})
TAGGED = Event(
    "done",
    data={
        "ok": True,
        "seconds": 1.24,
        "stages": {"tag": {"ran": 1}, "latents": {"ran": 1}},
        "outputs": [],
        "aside": [],
    },
)
IDLE = Event("watch_idle")
ERROR = Event(
    "error",
    data={
        "what": "no `budgte` here",
        "where": "lora.yaml:3:1",
        "next": "did you mean `budget`?",
        "text": "lora.yaml:3:1: no `budgte` here\n  → did you mean `budget`?",
        "problems": [],
        "goes_on": True,
    },
)


def shown(capsys, *told, width=100, terminal=False, **words):
    """The lines of the face itself and, behind them, those of the builds' own."""
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=terminal, highlight=False)
    with Rounds(argparse.Namespace(**words), events.PROJECT, console) as rounds:
        for event in told:
            rounds(event)
    text = re.sub(r"^\d\d:\d\d:\d\d", "10:00:00", out.getvalue(), flags=re.MULTILINE)
    return text.splitlines(), capsys.readouterr().err.splitlines()


def test_a_round_is_a_line(capsys):
    lines, _ = shown(capsys, STARTED, START, NOTHING, IDLE, EDIT, TAGGED, IDLE)
    assert lines == [
        "watching lora.yaml, data/plain, data/cape, base, up to text – Ctrl-C ends it",
        "10:00:00  start → nothing to do",
        "10:00:00  data/plain/a.png → 1 tagged, cached · 1.2 s",
    ]


def test_many_places_are_counted(capsys):
    places = ["lora.yaml", *(f"data/{number}" for number in range(12))]
    lines, _ = shown(capsys, Event("watch_started", data={"target": "text", "places": places}))
    assert lines == ["watching lora.yaml and 12 places, up to text – Ctrl-C ends it"]


def test_what_is_wrong_is_told_in_full_and_what_goes_on(capsys):
    lines, _ = shown(capsys, EDIT, ERROR)
    assert lines == [
        "10:00:00  data/plain/a.png → lora.yaml:3:1: no `budgte` here",
        "          → did you mean `budget`?",
        "          until then the last good lora.yaml goes on",
    ]
    lines, _ = shown(capsys, EDIT, Event("error", data={**ERROR.data, "goes_on": False}))
    assert len(lines) == 2


def test_a_finished_lora_is_named(capsys):
    lines, _ = shown(capsys, EDIT, events.DONE, folder="there")
    assert lines[0].startswith("10:00:00  data/plain/a.png → 3 tagged; reported · 62 s")
    assert [line.split()[-1] for line in lines[1:]] == ["there/out/tiny.safetensors", "there/out/report.html"]


def test_stages_and_tables_are_left_out_unless_asked_for(capsys):
    told = (EDIT, events.STAGE, events.PROGRESS, events.STAGE_DONE, events.TOLD, TAGGED)
    assert len(shown(capsys, *told)[0]) == 1
    assert shown(capsys, *told)[1] == []
    told_more = shown(capsys, *told, verbose=True)[1]
    assert any(line.startswith("tag ") for line in told_more)
    assert any("zorbl is seen" in line for line in told_more)


def test_what_the_last_round_said_is_not_said_again(capsys):
    _, said = shown(
        capsys,
        *(EDIT, events.WARNING, events.ASIDE, TAGGED),
        *(EDIT, events.WARNING, events.ASIDE, TAGGED),
        *(EDIT, ERROR),
        *(EDIT, events.WARNING, TAGGED),
        *(EDIT, TAGGED),
        *(EDIT, events.WARNING, TAGGED),
    )
    assert [line.partition(":")[0] for line in said] == ["warning", "set aside", "warning"]


def test_the_same_words_about_something_else_are_news(capsys):
    other = Event("warning", "balance", {**events.WARNING.data, "item": "e.png"})
    assert len(shown(capsys, EDIT, events.WARNING, other, TAGGED)[1]) == 2


def test_notes_are_said_during_a_round_and_between_rounds(capsys):
    lines, said = shown(capsys, events.NOTE, EDIT, events.NOTE, TAGGED)
    assert lines[0] == "another build is running"
    assert said == ["another build is running"]


def test_quiet_leaves_what_went_wrong(capsys):
    lines, said = shown(
        capsys, STARTED, events.NOTE, EDIT, events.WARNING, events.NOTE, TAGGED, EDIT, ERROR, quiet=True
    )
    assert len(lines) == 3
    assert said == ["warning: d.png is a.png [duplicate]"]


def test_long_lines_are_broken_between_words_on_a_terminal_and_not_at_all_in_a_log(capsys):
    assert len(shown(capsys, EDIT, events.DONE, width=40)[0]) == 3
    lines, _ = shown(capsys, EDIT, events.DONE, width=40, terminal=True, folder="a/long/way/to/go")
    plain = [re.sub(r"\x1b\[\d*m", "", line).rstrip() for line in lines]
    assert plain[0].endswith("data/plain/a.png → 3 tagged;")
    assert plain[1] == "reported · 62 s"
    assert [line.split()[-1] for line in plain[2:]] == [
        "a/long/way/to/go/out/tiny.safetensors",  # a path stays whole, to be copied
        "a/long/way/to/go/out/report.html",
    ]


def test_a_terminal_gets_colour(capsys):
    lines, _ = shown(capsys, EDIT, TAGGED, terminal=True)
    assert "\x1b[32m1 tagged, cached\x1b[0m" in lines[0]


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        ({"scan": 1, "prepare": 1, "tag": 1, "latents": 1}, "1 read, prepared, tagged, cached"),
        ({"scan": 3, "prepare": 3, "tag": 2, "text": 2}, "3 read, prepared; 2 tagged, tokenized"),
        ({"balance": 1}, "balanced"),
        (
            {"caption": 1, "balance": 1, "train": 1, "sample": 4, "package": 1},
            "1 captioned; 4 drawn; balanced, trained, ",
        ),
    ],
)
def test_what_was_done_in_a_few_words(counts, text):
    assert did({stage: {"ran": ran} for stage, ran in counts.items()}).startswith(text)


def test_nothing_was_done():
    assert did({}) == did({"tag": {"ran": 0}, "balance": {"ran": 0}}) == ""


def test_every_stage_has_its_word():
    assert set(DID) == set(STAGES) > set(ONE)


@pytest.mark.parametrize(
    ("paths", "text"),
    [
        ([], ""),
        (["a.png"], "a.png"),
        (["d/a.png", "d/b.png"], "d/a.png, b.png"),
        (["c/a.png", "d/a.png", "d/b.png"], "c/a.png, d/a.png, b.png"),
        (["d/a", "d/b", "d/c", "d/d", "e/e"], "d/a, b, c, 2 more"),
        (["a", "lora.yaml"], "a, lora.yaml"),
    ],
)
def test_a_few_paths_are_named(paths, text):
    assert shortened(paths) == text
