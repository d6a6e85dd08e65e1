import hashlib
import shutil
import time

import light
import pytest
from endings import IDLE, RAN, ended, listed, repacked

from lorabuild.core.digest import digest
from lorabuild.core.errors import ProjectError
from lorabuild.core.store import Store
from lorabuild.graph import past
from lorabuild.graph.order import STAGES


@pytest.fixture
def built(project):
    light.finished(project)
    ended(project)
    return project


def test_a_build_remembers_all_that_brings_it_back(built):
    before = time.time()
    row = ended(built)[-1]
    with light.viewed(built) as view:
        for path, blob in row["blobs"].items():
            assert view.store.read(blob) == (built / path).read_bytes()
        assert view.store.read(row["lock"]) == (built / "lora.lock").read_bytes()
        assert view.store.read(row["manifest"]) == (built / "lora.manifest.tsv").read_bytes()
        for stage in STAGES:
            keys = sorted({bytes.fromhex(key[3:]) for key in view.keys(stage).values()})
            assert view.store.read(row["keys"][stage]) == b"".join(keys)
    assert sorted(row["blobs"]) == ["out/report.html", "out/tiny.json", "out/tiny.safetensors"]
    assert int(before) <= row["made"] <= time.time()
    assert row["stages"] == RAN


def test_the_record_is_that_of_the_training(project):
    light.built(project)
    with light.viewed(project) as view:
        light.plant(view, "latents", "text")
        with view.store.writer("train") as door:
            outputs = {name: door.write(data) for name, data in light.PLANTED["train"][0].items()}
            facts = light.PLANTED["train"][1]
            door.done(view.step("train").todo[0], outputs, facts=facts, record={"device": "cpu", "deterministic": True})
        view.again("train")
        light.plant(view, "sample", "package", "report")
    assert ended(project)[-1]["record"] == {"device": "cpu", "deterministic": True}
    assert listed(project)[-1]["record"]["deterministic"] is True


def test_files_that_come_back_from_the_store_are_a_build_of_their_own(built):
    repacked(built, b"other")
    assert len(ended(built)) == len(listed(built))
    repacked(built, b"lora")
    rows = ended(built, tally=IDLE)
    assert rows[-1]["stages"] == IDLE
    assert rows[-1]["blobs"] == rows[-3]["blobs"]
    assert ended(built, tally=IDLE) == rows
    found = listed(built)
    assert [build["ran"] for build in found[-2:]] == [{"train": 1}, {}]
    assert [build["here"] for build in found[-3:]] == [True, False, True]


def test_a_build_up_to_the_package_alone_is_no_other_result(built):
    rows = ended(built)
    assert ended(built, tally=IDLE, stages=STAGES[:-1]) == rows


def test_the_list_says_what_lies_there_and_what_can_be_restored(built):
    first = listed(built)[-1]
    assert first["sha256"] == hashlib.sha256(b"lora").hexdigest()
    assert (first["here"], first["pinned"], first["restorable"], first["found"]) == (True, False, True, False)
    (built / "out/report.html").unlink()
    assert listed(built)[-1]["here"]  # a report is not promised byte by byte
    (built / "out/tiny.json").write_bytes(b"[]")
    assert not listed(built)[-1]["here"]
    shutil.rmtree(built / ".lorabuild/blobs", ignore_errors=True)
    with Store(built / ".lorabuild") as store:
        store.blobs.quarantine(store.history()[-1]["blobs"]["out/tiny.json"])
    assert not listed(built)[-1]["restorable"]


def test_builds_of_an_older_lorabuild_are_listed(built):
    with Store(built / ".lorabuild") as store:
        store.history_add({"stages": RAN, "outputs": [{"path": "out/tiny.safetensors", "sha256": "1" * 64}]})
    last = listed(built)[-1]
    assert (last["made"], last["restorable"], last["sha256"]) == (None, False, "1" * 64)


def test_what_lies_in_the_way_is_kept_once(built):
    path = built / "out/tiny.safetensors"
    path.write_bytes(b"somebody else's")
    with Store(built / ".lorabuild") as store:
        number = past.keep(store, built, {path: b"lora", built / "out/new.png": b"new"})
        row = past.row_of(store, number)
        assert row["blobs"] == {"out/tiny.safetensors": digest(b"somebody else's")}
        assert row["found"]
        assert past.pinned(store) == [number]
        assert past.keep(store, built, {path: b"lora"}) is None
        assert past.keep(store, built, {path: b"somebody else's"}) is None
        store.blobs.quarantine(row["blobs"]["out/tiny.safetensors"])
        assert past.keep(store, built, {path: b"lora"}) == number + 1


def test_builds_are_pinned_and_let_go_of(built):
    last = listed(built)[-1]["number"]
    past.repin(built, {last: True, 1: True}, say=print)
    assert [build["pinned"] for build in listed(built) if build["number"] in (1, last)] == [True, True]
    past.repin(built, {1: False}, say=print)
    with Store(built / ".lorabuild", read_only=True) as store:
        assert past.pinned(store) == [last]
    with pytest.raises(ProjectError, match=f"no build 99: the builds are numbered 1 to {last}"):
        past.repin(built, {99: True}, say=print)


def test_a_project_without_builds_says_so(project):
    assert listed(project) == []
    with Store(project / ".lorabuild", read_only=True) as store, pytest.raises(ProjectError, match="nothing was built"):
        past.row_of(store, 1)


def test_a_file_is_written_where_it_differs(tmp_path):
    path = tmp_path / "deep/file"
    assert past.write_changed(path, b"one")
    assert not past.write_changed(path, b"one")
    assert past.write_changed(path, b"two")
    assert path.read_bytes() == b"two"
