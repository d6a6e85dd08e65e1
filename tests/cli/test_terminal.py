import io
import re
from contextlib import suppress
from pathlib import Path

import events
from rich.console import Console

from lorabuild.cli.terminal import Terminal
from lorabuild.core.events import Event


def shown(told, *, width=100, colours=True, terminal=True, **wishes):
    """What stands on a recorded terminal at the end: escapes taken out, and lines that were wiped again too."""
    file = io.StringIO()
    console = Console(
        file=file, width=width, force_terminal=terminal, no_color=not colours, highlight=False, legacy_windows=False
    )
    with Terminal(events.PROJECT, Path("there"), console=console, **wishes) as face:
        for event in told:
            face(event)
    return file.getvalue()


def still(text):
    """The lines that stay: those that were printed, without those of the live bar."""
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r", "\n")
    return [line.rstrip() for line in plain.splitlines() if line.strip() and "━" not in line]


def test_a_stage_is_one_line():
    (line,) = still(shown([events.STAGE, events.PROGRESS, events.STAGE_DONE]))
    assert line.split() == ["✓", "tag", "3", "done,", "17", "reused", "2.2", "s", "new"]


def test_a_stage_without_work_is_one_quiet_line():
    assert still(shown([Event("stage_done", "tag", {"ran": 0, "reused": 9, "seconds": 0.0})])) == [
        "· tag       up to date"
    ]


def test_while_it_works_a_bar_shows_how_far_and_how_long():
    face = Terminal(events.PROJECT, Path(), console=Console(file=io.StringIO(), width=100, force_terminal=True))
    face(Event("stage", "train", {"total": 1, "todo": 1, "reasons": [{"item": "train", "why": "network.dim 4 → 8"}]}))
    (task,) = face.bars.tasks
    assert (task.description, task.fields["said"], task.total) == ("train", "network.dim 4 → 8", None)
    data = {"done": 3, "total": 12, "unit": "steps", "loss": 0.2, "loss_mean": 0.1234, "rate": 2.0, "left": 4.5}
    face(Event("progress", "train", data))
    assert (task.completed, task.total) == (3, 12)
    assert task.fields["said"] == "3/12 steps, loss 0.1234, 4.5 s left, 2.0 a second"
    face(Event("stage_done", "train", {"ran": 1, "reused": 0, "seconds": 6.0}))
    assert face.bars.tasks == []
    assert "done, loss 0.1234" in face.console.file.getvalue()


def test_a_stage_that_was_begun_twice_has_one_bar():
    face = Terminal(events.PROJECT, Path(), console=Console(file=io.StringIO(), width=100))
    face(events.STAGE)
    face(events.STAGE)
    assert len(face.bars.tasks) == 1
    face(Event("progress", "tag", {"done": 1, "total": 2}))


def test_a_bar_without_its_stage_is_no_trouble():
    assert still(shown([events.PROGRESS])) == []


def test_an_error_takes_the_bar_away():
    file = io.StringIO()
    face = Terminal(events.PROJECT, Path(), console=Console(file=file, width=100, force_terminal=True))
    with suppress(KeyboardInterrupt), face:
        face(events.STAGE)
        raise KeyboardInterrupt
    assert face.bars.tasks == []
    wiped, shown_again = "\x1b[2K", "\x1b[?25h"
    assert wiped in file.getvalue()
    assert shown_again in file.getvalue()


def test_lines_are_cut_at_the_edge_and_words_of_the_project_are_no_markup():
    reasons = [{"item": "x.png", "why": "captions.drop [red], " + "y" * 200}]
    told = [
        Event("stage", "caption", {"total": 1, "todo": 1, "reasons": reasons}),
        Event("stage_done", "caption", {"ran": 1, "reused": 0, "seconds": 0.0}),
        events.ASIDE,
        events.WARNING,
    ]
    text = shown(told, width=80)
    assert "  caption   ━" in re.sub(r"\x1b\[[0-9;]*m", "", text)  # the bar and the name keep their room
    stage, aside, warning = still(text)
    assert len(stage) == 80
    assert stage.endswith("…")
    assert "[red]" in stage
    assert aside == "set aside bad [1].png – it is no picture"
    assert warning == "warning d.png is a.png [duplicate]"


def test_the_table_and_the_end():
    found = still(shown([events.TOLD, events.NOTE, events.WROTE, events.DONE]))
    assert found[0].split() == ["concept", "images", "repeats", "per", "epoch", "budgeted"]
    assert found[1].split() == ["plain", "12", "2", "24", "24.5"]
    assert found[3] == "  zorbl is seen 48 times an epoch, 96 in all"
    assert found[5] == "another build is running"
    assert found[6] == "built in 62 s, 1 file set aside"
    assert found[-1] == f"  look at it  {Path('there/out/report.html')}"


def test_a_long_path_stays_on_one_line():
    outputs = [{"path": "x" * 150 + ".safetensors", "sha256": ""}]
    done = Event("done", data={"seconds": 1, "stages": {"tag": {"ran": 1}}, "outputs": outputs})
    assert any(line.endswith("x" * 150 + ".safetensors") for line in still(shown([done])))


def test_verbose_names_items_and_files():
    found = still(shown([events.STAGE, events.WROTE], verbose=True))
    assert found == ["    a.png: new"] * 3 + ["wrote out/x"]


def test_without_colour_there_is_none_and_without_a_terminal_no_escape():
    told = [events.STAGE, events.STAGE_DONE, events.WARNING, events.DONE]
    assert re.search(r"\x1b\[[0-9;]*3[0-9]m", shown(told))
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", shown(told, colours=False))
    assert "\x1b" not in shown(told, terminal=False)
