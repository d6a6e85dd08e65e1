import errno
import os

import pytest

from lorabuild.core.batch import Batch
from lorabuild.core.digest import digest, make_key
from lorabuild.core.errors import StoreError
from lorabuild.core.item import Item, Outputs
from lorabuild.core.store import Store


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / ".lorabuild") as opened:
        yield opened


def item(number):
    return Item(f"{number}.png", make_key("tag", 1, {"n": number}), {"n": number})


def kept(store, many):
    return len(store.results(item(number).key for number in range(many)))


def test_a_batch_is_what_a_stage_is_given(store):
    outputs: Outputs = store.writer("tag")
    name = outputs.write(b"scores")
    assert outputs.read(name) == b"scores"
    assert outputs.scratch("b3:00").is_dir()


def test_done_keeps_everything(store):
    with store.writer("tag") as outputs:
        outputs.done(item(1), {"scores": outputs.write(b"[]")}, facts={"a": 1}, record={"device": "cpu"})
    found = store.results([item(1).key])[item(1).key]
    assert (found.stage, found.facts, found.record) == ("tag", {"a": 1}, {"device": "cpu"})
    assert store.read(found.outputs["scores"]) == b"[]"
    assert store.parts_of("tag", "1.png") == {"n": 1}
    assert outputs.ran == 1


def test_set_aside(store):
    with store.writer("tag") as outputs:
        outputs.aside(item(1), "is no picture")
    assert store.results([item(1).key])[item(1).key].problem == "is no picture"
    assert outputs.problems == {"1.png": "is no picture"}


def test_committed_every_so_many_items(store):
    with store.writer("tag", every=4, seconds=1000) as outputs:
        for number in range(10):
            outputs.done(item(number))
            assert kept(store, 10) == (number + 1) // 4 * 4
    assert kept(store, 10) == 10


def test_committed_every_so_many_seconds(store):
    time = [0.0]
    outputs = Batch(store, "tag", clock=lambda: time[0])
    outputs.done(item(0))
    time[0] = 4.9
    outputs.done(item(1))
    assert kept(store, 3) == 0
    time[0] = 5.1
    outputs.done(item(2))
    assert kept(store, 3) == 3
    assert store.results([item(0).key])[item(0).key].seconds == pytest.approx(1.7)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, SystemExit])
def test_what_is_done_is_kept_however_the_stage_ends(store, error):
    def stage():
        with store.writer("tag") as outputs:
            outputs.done(item(1), {"x": outputs.write(b"x" * 100_000)})
            outputs.write(b"of an item that was never finished")
            raise error

    with pytest.raises(error):
        stage()
    assert store.read(store.results([item(1).key])[item(1).key].outputs["x"]) == b"x" * 100_000


def test_a_full_disk_can_be_tried_again(store, monkeypatch):
    outputs = store.writer("tag")
    outputs.done(item(1), {"x": outputs.write(b"x" * 100_000)})

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="disk is full"):
        outputs.flush()
    monkeypatch.undo()
    outputs.flush()
    assert store.read(digest(b"x" * 100_000))


def test_an_empty_batch_commits_nothing(store):
    before = store.database.link.total_changes
    with store.writer("tag"):
        pass
    assert store.database.link.total_changes == before


def test_facts_that_are_no_json_are_refused(store):
    outputs = store.writer("tag")
    outputs.done(item(1), facts={"a": object()})
    with pytest.raises(TypeError):
        outputs.flush()


def test_an_interruption_while_the_rest_is_committed_loses_nothing(store, monkeypatch):
    commit, said = store.commit, [KeyboardInterrupt]

    def interrupted(*given):
        if said:
            raise said.pop()
        commit(*given)

    monkeypatch.setattr(store, "commit", interrupted)
    with pytest.raises(KeyboardInterrupt), store.writer("tag") as outputs:
        outputs.done(item(0))
    assert kept(store, 1) == 1
