import hashlib
from pathlib import Path

import light
import pytest

from lorabuild.core.errors import DifferenceError, ProjectError
from lorabuild.core.events import silent
from lorabuild.core.nullcheck import answer
from lorabuild.core.nullindex import Seen
from lorabuild.graph.finish import finish, hold_to_lock
from lorabuild.graph.lock import read_lock, write_lock
from lorabuild.graph.order import STAGES, up_to
from lorabuild.graph.wishes import Wishes

RAN = {"train": {"ran": 1, "reused": 0, "seconds": 1.0}}
IDLE = {"train": {"ran": 0, "reused": 1, "seconds": 0.0}}


def ended(root, *overrides, tally=RAN, stages=STAGES, **wishes):
    events = []
    with light.viewed(root, *overrides) as view:
        outputs = finish(view, stages, tally, Wishes(**wishes), events.append)
        return outputs, events, view.store.history()


def test_files_are_handed_out_with_their_hashes(project):
    light.finished(project)
    outputs, events, _ = ended(project)
    assert [entry["path"] for entry in outputs] == ["out/report.html", "out/tiny.json", "out/tiny.safetensors"]
    assert (project / "out/tiny.safetensors").read_bytes() == b"lora"
    assert outputs[2]["sha256"] == hashlib.sha256(b"lora").hexdigest()
    assert [event.data["text"] for event in events] == [f"wrote {entry['path']}" for entry in outputs]


def test_lock_and_manifest_are_written_and_the_report_is_not_locked(project):
    light.finished(project)
    outputs, *_ = ended(project)
    content = read_lock(project)
    assert content["outputs"] == {entry["path"]: entry["sha256"] for entry in outputs if "report" not in entry["path"]}
    assert (project / "lora.manifest.tsv").read_text("utf-8").startswith("path\t")


def test_unchanged_files_are_not_written_again(project):
    light.finished(project)
    ended(project)
    kept = [project / name for name in ("out/tiny.safetensors", "out/tiny.json", "lora.lock", "lora.manifest.tsv")]
    before = [(path.stat().st_ino, path.stat().st_mtime_ns) for path in kept]
    _, events, _ = ended(project)
    assert events == []
    assert [(path.stat().st_ino, path.stat().st_mtime_ns) for path in kept] == before


@pytest.mark.parametrize("data", [b"", b"evil", b"longer than it was"])
def test_a_file_that_was_touched_is_put_right(project, data):
    light.finished(project)
    ended(project)
    (project / "out/tiny.safetensors").write_bytes(data)
    _, events, history = ended(project)
    assert [event.data["item"] for event in events if event.data["code"] == "wrote"] == ["out/tiny.safetensors"]
    assert (project / "out/tiny.safetensors").read_bytes() == b"lora"
    kept = [row["outputs"] for row in history if row.get("found")]
    sha = hashlib.sha256(data).hexdigest()
    assert kept == ([[{"path": "out/tiny.safetensors", "sha256": sha}]] if data else [])
    assert [event.data["code"] for event in events] == ["kept"] * bool(data) + ["wrote"]


def test_no_half_written_file_is_left(project):
    light.finished(project)
    ended(project)
    assert sorted(path.name for path in (project / "out").iterdir()) == [
        "report.html",
        "tiny.json",
        "tiny.safetensors",
    ]


def test_a_build_that_stops_early_hands_out_nothing(project):
    light.built(project)
    outputs, *_ = ended(project, stages=up_to(("balance",)))
    assert outputs == []
    assert not (project / "out").exists()
    assert not (project / "lora.lock").exists()


def test_history_is_kept_of_builds_that_did_something(project):
    light.finished(project)
    before = ended(project)[2]
    assert before[-1]["stages"] == RAN
    assert ended(project, tally=IDLE)[2] == before
    assert len(ended(project)[2]) == len(before) + 1
    assert len(ended(project, stages=up_to(("text",)))[2]) == len(before) + 2


def test_locked_fails_on_a_difference_and_leaves_the_lock(project):
    light.finished(project)
    with pytest.raises(DifferenceError, match=r"no lora\.lock"):
        ended(project, locked=True)
    ended(project)
    ended(project, locked=True)
    held = (project / "lora.lock").read_bytes()
    with pytest.raises(DifferenceError, match=r"settings\.output\.author"):
        ended(project, "output.author=me", locked=True)
    assert (project / "lora.lock").read_bytes() == held


def test_a_locked_build_that_fails_hands_nothing_out(project):
    light.finished(project)
    ended(project)
    with light.viewed(project, "output.author=me") as view:
        for stage in ("package", "report"):
            with view.store.writer(stage) as door:
                for item in view.step(stage).todo:
                    door.done(item, {"tiny.json": door.write(b"other")}, facts={"files": {}})
            view.again(stage)
    with pytest.raises(DifferenceError):
        ended(project, "output.author=me", locked=True)
    assert (project / "out/tiny.json").read_bytes() == b"{}"


def test_a_locked_build_writes_neither_lock_nor_manifest(project):
    light.finished(project)
    ended(project)
    (project / "data/plain/a.png").rename(project / "data/plain/z.png")
    (project / "data/plain/a.tags").rename(project / "data/plain/z.tags")
    light.finished(project)
    before = [(project / name).read_bytes() for name in ("lora.lock", "lora.manifest.tsv")]
    ended(project, locked=True)
    assert [(project / name).read_bytes() for name in ("lora.lock", "lora.manifest.tsv")] == before
    ended(project)
    assert b"data/plain/z.png" in (project / "lora.manifest.tsv").read_bytes()


def test_a_lock_of_another_machine_is_held_to_but_for_the_bytes(project):
    light.finished(project)
    ended(project)
    there = read_lock(project)
    there["record"]["train"] = [{"device": "cuda"}]
    there["outputs"]["out/tiny.safetensors"] = "0" * 64
    (project / "lora.lock").write_bytes(write_lock(there))
    _, events, _ = ended(project, locked=True)
    (note,) = [event.data["text"] for event in events if event.data["code"] == "other-machine"]
    assert "bytes aren't compared" in note
    assert "train: device cuda → None" in note
    assert read_lock(project) == there
    there["concepts"]["plain"]["repeats"] = 99
    (project / "lora.lock").write_bytes(write_lock(there))
    with pytest.raises(DifferenceError, match=r"concepts\.plain\.repeats"):
        ended(project, locked=True)


@pytest.mark.parametrize("name", ["lora.lock", "lora.manifest.tsv"])
def test_a_merge_conflict_is_not_written_over(project, name):
    light.finished(project)
    ended(project)
    (project / name).write_bytes(b"<<<<<<< ours\n" + (project / name).read_bytes())
    before = (project / name).read_bytes()
    with pytest.raises(ProjectError, match="merge conflict"):
        ended(project)
    assert (project / name).read_bytes() == before


def test_before_training_only_what_goes_into_it_is_held_to_the_lock(project):
    light.finished(project)
    ended(project)
    with light.viewed(project) as view:
        hold_to_lock(view, up_to(("text",)))
    (project / "data/plain/a.tags").write_text("something else", "utf-8")
    light.built(project)
    with light.viewed(project) as view:
        light.plant(view, "text")
        with pytest.raises(DifferenceError, match=r"concepts\.plain\.root"):
            hold_to_lock(view, up_to(("text",)))


def test_the_null_index_answers_for_this_target_only(project):
    light.finished(project)
    with light.viewed(project) as view:
        seen = Seen(project)
        seen.file(project / "lora.yaml")
        finish(view, STAGES, RAN, Wishes(seen=seen), silent)
    written = sorted(Path(project / ".lorabuild").glob("null-*.idx"))
    assert [path.name for path in written] in (["null-report.idx"], [])  # none where stamps are too young to trust
    if written:
        said = answer(str(project), "report", "text")
        assert said is None or b"nothing to do" in said[1]
    ended(project)
    assert list(Path(project / ".lorabuild").glob("null-*.idx")) == []


def test_files_that_were_taken_away_are_put_back_and_that_is_said(project):
    light.finished(project)
    ended(project)
    (project / "out/tiny.json").unlink()
    said = []
    with light.viewed(project) as view:
        finish(view, STAGES, {"train": {"ran": 0}}, Wishes(), said.append)
    assert [event.data["text"] for event in said if event.data["code"] == "put-back"] == [
        "put back as this lora.yaml makes it: out/tiny.json"
    ]
