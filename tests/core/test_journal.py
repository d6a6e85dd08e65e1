import json
import os

import pytest

from lorabuild.core import journal
from lorabuild.core.errors import StageError
from lorabuild.core.events import Event, silent
from lorabuild.core.journal import NAME, Journal, Tail


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def kinds(events):
    return [event["event"] for event in events]


def progress(done, total=100, **data):
    return Event("progress", "train", {"done": done, "total": total, **data})


def test_what_is_said_passes_on_and_is_read_elsewhere_line_by_line(tmp_path):
    passed, tail = [], Tail(tmp_path)
    assert tail() == []
    with Journal(tmp_path, passed.append, ("scan", "prepare"), Clock()) as journal:
        (begun,) = tail()
        assert (begun["event"], begun["stages"], begun["at"]) == ("begun", ["scan", "prepare"], 1000.0)
        journal(Event("stage", "scan", {"todo": 1, "total": 2, "reasons": [{"item": "a", "why": "new"}]}))
        journal(Event("checkpoint", "train", {"name": "epoch-0001", "path": "/somewhere"}))
        journal(Event("table", "balance", {"concepts": []}))
        assert tail() == [{"event": "stage", "stage": "scan", "todo": 1, "total": 2, "at": 1000.0}]
        journal.write(Event("done", data={"ok": True}))
    assert kinds(tail()) == ["done"]
    assert tail() == []
    assert [event.kind for event in passed] == ["stage", "checkpoint", "table"]


def test_every_build_begins_anew_and_a_reader_notices(tmp_path):
    tail = Tail(tmp_path)
    for number in range(3):
        with Journal(tmp_path, silent, ()) as journal:
            for _ in range(number + 1):
                journal(Event("note", data={"text": str(number)}))
        assert [event.get("text") for event in tail()] == [None, *[str(number)] * (number + 1)]


def test_progress_is_written_now_and_then_and_its_end_always(tmp_path):
    clock, tail = Clock(), Tail(tmp_path)
    with Journal(tmp_path, silent, (), clock) as journal:
        for step in range(1, 101):
            clock.now += 0.1
            journal(progress(step))
        done = [event["done"] for event in tail() if event["event"] == "progress"]
        assert done[-1] == 100
        assert 30 < len(done) < 40
        clock.now += 36_000
        for step in range(300):
            clock.now += 0.1
            journal(progress(step, 500))
        assert len(tail()) == 2


def test_a_loss_that_is_no_number_leaves_its_line_out(tmp_path):
    tail = Tail(tmp_path)
    with Journal(tmp_path, silent, ()) as journal:
        journal(progress(1, 1, loss=float("nan")))
        journal(Event("note", data={"text": "bad name \udcff\n"}))
    assert [event.get("text") for event in tail()] == [None, "bad name \udcff\n"]


@pytest.mark.parametrize(
    ("error", "stopped", "text"),
    [
        (StageError("no image", next_step="put one there"), False, "no image\n  → put one there"),
        (KeyboardInterrupt(), True, ""),
        (RuntimeError("/home/person"), False, ""),
    ],
)
def test_an_end_that_is_none_is_told(tmp_path, error, stopped, text):
    with pytest.raises(type(error)), Journal(tmp_path, silent, ()):
        raise error
    told = Tail(tmp_path)()[-1]
    assert (told["event"], told["stopped"], told["text"]) == ("error", stopped, text)


def test_half_a_line_waits_and_what_is_no_line_is_passed_over(tmp_path):
    tail, path = Tail(tmp_path), tmp_path / NAME
    path.write_bytes(b'{"event": "beg')
    assert tail() == []
    path.write_bytes(b'{"event": "begun"}\nnonsense\n[1]\n{"event": "rm"}\n\xff\n{"event": "no')
    assert tail() == [{"event": "begun"}]
    with path.open("ab") as file:
        file.write(b'te"}\n')
    assert tail() == [{"event": "note"}]


def test_a_journal_that_cannot_be_written_holds_nothing_up(tmp_path):
    passed = []
    with Journal(tmp_path / "nowhere", passed.append, ()) as journal:
        journal(Event("note", data={"text": "on it goes"}))
    assert len(passed) == 1
    with Journal(tmp_path, passed.append, ()) as journal:
        os.close(journal.opened)
        journal(Event("note", data={"text": "a disk that is full"}))
        assert journal.opened == -1
    assert len(passed) == 2


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="links are followed here")
def test_a_link_in_its_place_is_not_written_through(tmp_path):
    other = tmp_path / "precious"
    other.write_text("mine", "utf-8")
    (tmp_path / NAME).symlink_to(other)
    with Journal(tmp_path, silent, ()) as journal:
        journal(Event("note", data={"text": "x"}))
    assert other.read_text("utf-8") == "mine"


def test_lines_are_plain_ascii(tmp_path):
    with Journal(tmp_path, silent, ()) as journal:
        journal(Event("note", data={"text": "ümläut \u2028"}))
    lines = (tmp_path / NAME).read_bytes().decode("ascii").splitlines()
    assert json.loads(lines[1])["text"] == "ümläut \u2028"


@pytest.mark.skipif(os.name == "nt", reason="links and pipes")
def test_a_journal_that_is_a_link_or_a_pipe_is_not_read_and_a_huge_one_in_parts(tmp_path, monkeypatch):
    path, tail = tmp_path / NAME, Tail(tmp_path)
    path.symlink_to("/dev/zero")
    assert tail() == []
    path.unlink()
    os.mkfifo(path)
    assert tail() == []
    path.unlink()
    monkeypatch.setattr(journal, "MOST", 40)
    note = b'{"event": "note", "text": "a"}\n'
    path.write_bytes(note * 3 + b"x" * 100 + b"\n" + note)
    found = [len(tail()) for _ in range(9)]
    assert sum(found) == 4
    assert max(found) == 1
