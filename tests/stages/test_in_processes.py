"""The stages that read pictures, with processes that do it from the first picture on: the same results."""

from pathlib import Path

import numpy as np
import pytest
from kept import Kept
from pictures import encoded, picture, turned, with_alpha
from PIL import Image

from lorabuild.core.digest import digest
from lorabuild.core.item import Item
from lorabuild.images import pool
from lorabuild.images.decode import prepared
from lorabuild.stages import latents, prepare, scan, tag

TESTS = Path(__file__).parents[1]
FILES = {
    "a.png": encoded(picture(90, 70)),
    "b.jpg": turned(picture(80, 100), 6),
    "c.webp": encoded(with_alpha(96, 64), "webp"),
    "d.png": encoded(picture(64, 64)),
    "e.gif": encoded(picture(200, 40), "gif"),
}
BROKEN = {"cut.png": encoded(picture())[:60], "page.png": b"<html>not found</html>"}


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(TESTS))
    import tiny_sd15
    import tiny_tagger
    from sites import site

    tiny_sd15.make(tmp_path / "base")
    tiny_tagger.make(tmp_path / "tagger")
    for name, data in (FILES | BROKEN).items():
        (tmp_path / name).write_bytes(data)
    return site(
        tmp_path,
        "base",
        images={"resolution": 64, "masks": "alpha"},
        captions={"tagger": {"type": "wd14", "model": "tagger"}},
        device={"type": "cpu", "threads": 2},
    )


def items(site, names, **more):
    made = []
    for name in names:
        path = site.root / name
        reads = {"path": str(path), "file": digest(path.read_bytes()), **more}
        made.append(Item(name, "b3:" + name, reads=reads))
    return made


def seen(site, names, **more):
    """Items of stages that look at pixels."""
    for item in items(site, names, **more):
        yield Item(
            item.id, item.key, {}, {**item.reads, "pixels": prepared(item.reads["path"], site.project.images).pixels}
        )


def both(run, monkeypatch):
    """What a stage makes, with threads and with processes."""
    made, asked = [], pool._Process.ask
    calls = []
    for way in ("threads", "processes"):
        if way == "processes":
            monkeypatch.setattr(pool._Crew, "_free", lambda crew: crew.idle.pop() if crew.idle else crew._another())
            monkeypatch.setattr(pool._Process, "ask", lambda *a, **k: calls.append(1) or asked(*a, **k))
        kept, events = Kept(), []
        run(kept, events.append)
        made.append((kept.finished, kept.facts, kept.records, kept.problems, kept.blobs, events))
    assert calls
    return made


@pytest.mark.parametrize("stage", [scan, prepare], ids=["scan", "prepare"])
def test_facts_and_problems(here, monkeypatch, stage):
    work = items(here, [*FILES, *BROKEN])
    threads, processes = both(lambda kept, emit: stage.run(work, here, kept, emit), monkeypatch)
    assert threads == processes
    assert set(processes[1]) == {*FILES}
    assert set(processes[3]) == {*BROKEN}


def test_tags(here, monkeypatch):
    work = list(seen(here, FILES, side=None))
    threads, processes = both(lambda kept, emit: tag.run(work, here, kept, emit), monkeypatch)
    assert threads == processes
    assert len(processes[0]) == len(FILES)


def test_latents(here, monkeypatch):
    facts = Kept()
    prepare.run(items(here, FILES), here, facts, lambda _event: None)
    work = []
    for number, item in enumerate(items(here, FILES)):
        known = facts.facts[item.id]
        mask = {"mask": known["mask"]} if known.get("mask") else {}
        reads = {**item.reads, "pixels": known["pixels"], "bucket": [64, 64] if number < 4 else [96, 32], **mask}
        work.append(Item(item.id, item.key, {}, reads))
    threads, processes = both(lambda kept, emit: latents.run(work, here, kept, emit), monkeypatch)
    assert threads == processes
    assert len(processes[0]) == len(FILES)


def test_a_picture_that_no_process_can_read_is_set_aside_and_told(here, monkeypatch):
    monkeypatch.setattr(
        pool, "_Process", lambda: (_ for _ in ()).throw(OSError(11, "Resource temporarily unavailable"))
    )

    class Gone:
        def ask(self, *_args, **_words):
            raise pool._GoneError("was ended by SIGKILL")

    monkeypatch.setattr(pool._Crew, "_free", lambda _crew: Gone())
    kept, events = Kept(), []
    scan.run(items(here, ["a.png"]), here, kept, events.append)
    assert kept.problems == {
        "a.png": "the process that reads it was ended by SIGKILL, and the next one can't be started"
        " (Resource temporarily unavailable); save it anew, or scaled down"
    }
    assert [event.data["code"] for event in events if event.kind == "note"] == ["readers"]
    kept = Kept()
    assert list(latents._Bench(None, here, kept, events.append, None, 1)._pictures(items(here, ["a.png"]), 1)) == []
    assert list(kept.problems) == ["a.png"]
    kept = Kept()
    tag.run(list(seen(here, ["d.png"], side=None)), here, kept, events.append)
    assert list(kept.problems) == ["d.png"]


def test_a_captioner_gets_a_picture_that_knows_nothing_of_its_file(here):
    (item,) = seen(here, ["c.webp"])
    found = tag._picture(item, here.project.images)
    assert type(found) is Image.Image
    assert np.array_equal(np.asarray(found), np.asarray(prepared(item.reads["path"], here.project.images).image))
