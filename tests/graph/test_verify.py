"""Verifying what needs no model; ``tests/whole/test_past.py`` verifies a whole build."""

import json

import light
import pytest
from endings import ended

from lorabuild.core.errors import BusyError, DifferenceError
from lorabuild.core.store import Store
from lorabuild.graph.order import up_to
from lorabuild.graph.verify import Found, verify
from lorabuild.graph.wishes import Wishes

CPU, CUDA = {"device": "cpu"}, {"device": "cuda"}


def verified(root, stage="balance", keep=False, **wishes):
    return verify(light.opened(root), Wishes(targets=(stage,), **wishes), [].append, keep=keep)


@pytest.fixture
def built(project):
    light.finished(project)
    ended(project)
    return project


def test_what_needs_no_model_comes_out_again(built):
    found = verified(built)
    assert found["ok"]
    assert found["first"] is None
    assert [stage["stage"] for stage in found["stages"]] == list(up_to(("balance",)))
    assert all(stage["compared"] == stage["items"] > 0 for stage in found["stages"] if stage["stage"] != "tag")
    assert found["outputs"] == []


def test_nothing_is_reused_and_nothing_is_left(built):
    verified(built, keep=True)
    aside = built / ".lorabuild/verify"
    with Store(aside, read_only=True) as store:
        assert store.latest("caption")
        marked = next(iter(store.latest("caption").values()))
    with Store(aside) as store:
        store.forget([marked])
    verified(built, keep=True)
    with Store(aside, read_only=True) as store:
        assert store.results([marked])
    (aside / "rubbish").write_bytes(b"of an earlier one")
    verified(built)
    assert {path.name for path in aside.iterdir()} <= {"lock"}


def test_the_projects_own_store_is_not_touched(built):
    def stamps():  # beside the database a reader leaves an empty log
        files = [path for path in (built / ".lorabuild").iterdir() if path.is_file() and "state.db-" not in path.name]
        return {path: path.stat().st_mtime_ns for path in files}

    before = stamps()
    verified(built, "caption")
    assert stamps() == before
    assert (built / "out/tiny.safetensors").read_bytes() == b"lora"


@pytest.mark.parametrize("stage", ["scan", "prepare", "caption"])
def test_every_early_stage_may_be_the_last(built, stage):
    assert [entry["stage"] for entry in verified(built, stage)["stages"]] == list(up_to((stage,)))


def test_the_first_stage_that_differs_is_named(built):
    with Store(built / ".lorabuild") as store:
        for stage in ("caption", "balance"):
            name, key = next(iter(store.latest(stage).items()))
            made = store.results([key])[key]
            with store.writer(stage) as door:
                facts = {**made.facts, "more": "planted"}
                door.done(next(item for item in _items(built, stage) if item.id == name), made.outputs, facts=facts)
    found = verified(built)
    assert not found["ok"]
    assert found["first"] == "caption"
    assert [len(stage["differ"]) for stage in found["stages"]] == [0, 0, 0, 1, 1]


def _items(root, stage):
    with light.viewed(root) as view:
        return view.step(stage).items


def test_a_project_that_is_not_what_the_lock_says_is_refused_before_it_takes_long(built):
    (built / "data/plain/b.tags").write_text("1creature, bow", "utf-8")
    with pytest.raises(DifferenceError, match=r"would change: concepts\.plain\.root"):
        verified(built)
    light.write(built, budget={"steps": 48, "epochs": 2})
    with pytest.raises(DifferenceError, match=r"settings\.budget\.steps"):
        verified(built, "scan")


def test_without_a_lock_there_is_nothing_to_verify(project):
    with pytest.raises(DifferenceError, match=r"no lora\.lock to compare with"):
        verified(project)
    assert not (project / ".lorabuild").exists()


def test_a_clone_without_a_store_is_verified_by_the_lock_alone(built):
    (built / ".lorabuild").rename(built.parent / "away")
    found = verified(built)
    assert found["ok"]
    assert {stage["compared"] for stage in found["stages"]} == {0}


def test_two_at_once_wait_for_each_other(built):
    from lorabuild.core.claim import claim

    with claim(built / ".lorabuild/verify", wait=False, say=print), pytest.raises(BusyError):
        verified(built, wait=False)


def found_with(lock_record, now_record, made):
    outputs = [{"path": "a.safetensors", "locked": "1", "made": made}]
    lock = {"record": {"train": [lock_record], "sample": [CPU]}}
    return Found(lock, {"record": {"train": [now_record]}, "stages": {"train": {}}}, outputs)


def test_bytes_are_compared_on_the_same_kind_of_machine_alone():
    assert found_with(CPU, CPU, "1").as_dict()["ok"]
    differs = found_with(CPU, CPU, "2").as_dict()
    assert (differs["ok"], differs["bytes_compared"], differs["why"]) == (False, True, "")
    elsewhere = found_with(CPU, CUDA, "2").as_dict()
    assert (elsewhere["ok"], elsewhere["bytes_compared"]) == (True, False)
    assert "train: device cpu → cuda" in elsewhere["why"]
    json.dumps(elsewhere)
