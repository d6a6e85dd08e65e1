import hashlib
from pathlib import Path

import light
import pytest

from lorabuild.core.errors import DifferenceError
from lorabuild.core.events import silent
from lorabuild.core.nullcheck import answer
from lorabuild.core.nullindex import Seen
from lorabuild.graph.finish import finish, hold_to_lock
from lorabuild.graph.lock import read_lock
from lorabuild.graph.order import STAGES, up_to
from lorabuild.graph.wishes import Wishes

RAN = {"train": {"ran": 1, "reused": 0, "seconds": 1.0}}


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
    _, events, _ = ended(project)
    assert [event.data["item"] for event in events] == ["out/tiny.safetensors"]
    assert (project / "out/tiny.safetensors").read_bytes() == b"lora"


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
    before = len(ended(project, tally={"train": {"ran": 0}})[2])
    history = ended(project)[2]
    assert len(history) == before + 1
    assert history[-1]["stages"] == RAN


def test_locked_fails_on_a_difference_and_leaves_the_lock(project):
    light.finished(project)
    with pytest.raises(DifferenceError, match=r"no lora\.lock"):
        ended(project, locked=True)
    ended(project)
    ended(project, locked=True)
    held = (project / "lora.lock").read_bytes()
    with pytest.raises(DifferenceError, match="settings"):
        ended(project, "output.author=me", locked=True)
    assert (project / "lora.lock").read_bytes() == held


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
