import json
import os
import subprocess

import light
import pytest

from lorabuild.core.claim import claim
from lorabuild.core.lease import lease
from lorabuild.core.machine import FileSystem
from lorabuild.core.requirements import Wanted
from lorabuild.core.store import Store
from lorabuild.graph import checkup
from lorabuild.graph.doctor import doctor
from lorabuild.graph.session import STORE

GPU = {"torch": "2", "cuda": "13", "devices": [{"kind": "cuda", "name": "H200", "total": 150e9, "free": 149e9}]}
NONE = {"torch": "2", "cuda": None, "devices": []}


@pytest.fixture(autouse=True)
def seen(monkeypatch):
    """What torch is said to find; the one test that asks it does so itself."""
    found = dict(NONE)
    monkeypatch.setattr(checkup, "seen_by_torch", lambda: found)
    return found


def looked(root):
    return doctor(root, lambda: light.opened(root))


def about(root, what, level=None):
    """Findings about one thing, as text with its next step."""
    found = looked(root)["findings"]
    return [
        f"{one['text']} → {one['next_step']}" if one["next_step"] else one["text"]
        for one in found
        if one["about"] == what and level in (None, one["level"])
    ]


def test_a_machine_without_a_project_is_looked_at(tmp_path):
    found = looked(tmp_path)
    assert found["ok"] is True
    assert {one["about"] for one in found["findings"]} == {"versions", "devices", "disk", "file system", "project"}
    (text,) = about(tmp_path, "project", "note")
    assert text.startswith(f"there is no lora.yaml in {tmp_path}, so only the machine was looked at")
    assert list(tmp_path.iterdir()) == []


def test_a_project_that_was_built_is_right(project):
    light.finished(project)
    found = looked(project)
    assert found["ok"] is True
    assert about(project, "project") == ["tiny: lora.yaml is right"]
    (store,) = about(project, "store")
    assert "(database " in store
    assert "results, 1 build" in store


def test_torch_is_asked_in_a_process_of_its_own(monkeypatch):
    monkeypatch.undo()
    found = checkup.seen_by_torch()
    assert found["torch"]
    assert isinstance(found["devices"], list)


def test_a_torch_that_can_not_be_loaded_is_a_problem_with_its_own_words(monkeypatch):
    monkeypatch.undo()
    broken = subprocess.CompletedProcess([], 1, "", "Traceback\nImportError: libcudart.so: cannot open shared object\n")
    monkeypatch.setattr(subprocess, "run", lambda *_words, **_how: broken)
    seen = checkup.seen_by_torch()
    assert seen["problem"] == "torch can't be loaded: ImportError: libcudart.so: cannot open shared object"
    broken.stderr = ""
    assert checkup.seen_by_torch()["problem"] == "torch can't be loaded: it ended with 1"

    def late(*_words, **how):
        raise subprocess.TimeoutExpired("torch", how["timeout"])

    monkeypatch.setattr(subprocess, "run", late)
    seen = checkup.seen_by_torch()
    problem = [one for one in checkup._devices(seen) if one.level == "problem"]
    assert [one.text for one in problem] == ["torch did not load in 180 s"]
    assert problem[0].next_step


def test_a_gpu_is_named_with_its_memory(tmp_path, seen):
    seen.update(GPU)
    assert "cuda: H200, 149 GB of 150 GB free" in about(tmp_path, "devices", "ok")
    assert about(tmp_path, "devices", "note") == []


@pytest.mark.parametrize(("cuda", "built"), [(None, "without CUDA"), ("13.0", "for CUDA 13.0")])
def test_a_gpu_that_torch_can_not_use_is_told(tmp_path, seen, monkeypatch, cuda, built):
    monkeypatch.setattr(checkup, "GPU_SIGNS", (os.fspath(tmp_path),))
    seen["cuda"] = cuda
    (text,) = about(tmp_path, "devices", "note")
    assert built in text
    assert "install the torch build for your driver's CUDA" in text


def test_a_device_that_lora_yaml_asks_for_and_torch_lacks_stops_a_build(project, seen):
    light.write(project, device={"type": "cuda"})
    assert about(project, "project", "problem")[0].startswith("lora.yaml asks for the device `cuda`, and torch finds")
    seen.update(GPU)
    assert about(project, "project", "problem") == []


def test_versions_that_do_not_fit_are_named(tmp_path, monkeypatch):
    libraries = [
        Wanted("blake3", ">=1", "1.0"),
        Wanted("torch", ">=3", "2.13"),
        Wanted("peft", ">=1", None),
        Wanted("av", ">=18", None, "video"),
        Wanted("fsspec", ">=99", "1", "remote"),
    ]
    monkeypatch.setattr(checkup, "wanted", lambda: libraries)
    assert about(tmp_path, "versions", "ok")[1:] == [
        "blake3 1.0",
        "not installed, and only needed for an extra: av (video)",
    ]
    (missing,) = about(tmp_path, "versions", "problem")
    assert missing.startswith("peft is not installed (>=1 is asked for) → pip install")
    old, extra = about(tmp_path, "versions", "note")
    assert old.startswith("torch 2.13 is installed, >=3 is asked for → ")
    assert "'lorabuild[remote]'" in extra
    monkeypatch.setattr(checkup, "wanted", list)
    assert "isn't known" in about(tmp_path, "versions", "note")[0]


@pytest.mark.parametrize(("free", "level"), [(10**6, "problem"), (10**9, "note"), (10**12, "ok")])
def test_too_little_room_is_told(tmp_path, monkeypatch, free, level):
    monkeypatch.setattr(checkup, "room", lambda _folder: (free, 1))
    (text,) = about(tmp_path, "disk", level)
    assert "free for: project, temporary files, hub cache" in text
    assert ("lorabuild gc" in text) == (level != "ok")
    assert looked(tmp_path)["ok"] == (level != "problem")


def test_a_hub_library_that_is_not_there_has_no_cache(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub.constants", None)
    assert "hub cache" not in "".join(about(tmp_path, "disk"))


QUIRKS = {
    "a network": (FileSystem("nfs4", step=1e-9), "note", "these files are shared with another machine (nfs4)"),
    "no locks": (FileSystem(locks=False), "problem", "locks don't hold here"),
    "no sync": (FileSystem(syncs=False), "note", "files can't be synced"),
    "capitals": (FileSystem(ignores_case=True), "note", "capitals in file names make no difference"),
    "a coarse clock": (FileSystem(step=2.0), "note", "times come in steps of 2 s"),
    "a fast clock": (FileSystem(ahead=300.0), "note", "its clock is 300 s ahead of the computer's"),
    "a slow clock": (FileSystem(ahead=-300.0), "note", "its clock is 300 s behind the computer's"),
    "no links": (FileSystem(links=False), "note", "links can't be made here"),
    "nothing to write": (FileSystem(problem="read-only file system"), "problem", "nothing can be written in "),
}


@pytest.mark.parametrize(("found", "level", "text"), QUIRKS.values(), ids=QUIRKS)
def test_the_quirks_of_a_file_system_are_told(tmp_path, monkeypatch, found, level, text):
    monkeypatch.setattr(checkup, "file_system", lambda _folder: found)
    assert any(said.startswith(text) for said in about(tmp_path, "file system", level))


def test_a_coarse_clock_is_told_in_seconds(tmp_path, monkeypatch):
    monkeypatch.setattr(checkup, "file_system", lambda _folder: FileSystem(step=1e-7))
    assert "times in steps of 100 ns, locks hold, links can be made" in about(tmp_path, "file system", "ok")


@pytest.mark.parametrize(("limits", "level"), [((100, 5), "note"), ((10**6, 5), "ok"), (None, None)])
def test_the_limits_of_watching_are_told(tmp_path, monkeypatch, limits, level):
    monkeypatch.setattr(checkup, "watch_limits", lambda: limits)
    said = [text for text in about(tmp_path, "file system", level) if "can be watched" in text]
    assert bool(said) == (limits is not None)
    assert all(("sysctl" in text) == (level == "note") for text in said)


def test_who_holds_the_store_and_what_killed_ones_left_is_told(project):
    light.built(project)
    folder = project / STORE
    with claim(folder, wait=False, say=print), lease(folder, ["b3:" + "0" * 64]):
        assert about(project, "store")[1:] == [
            f"another lorabuild (process {os.getpid()}) is at work here",
            "a reader holds 1 blob",
        ]
    (folder / "holder").write_text("1", "ascii")
    (folder / "tmp").mkdir(exist_ok=True)
    (folder / "tmp" / "half").write_bytes(bytes(2000))
    (folder / "leases" / "1-1.lease").write_text("", "ascii")
    (folder / "damaged").mkdir()
    (folder / "damaged" / "one").write_bytes(b"bad")
    with lease(folder, ["b3:" + "0" * 64]):
        said = about(project, "store")[1:]
    assert [text.partition(" → ")[0] for text in said] == [
        "1 damaged file put aside; what was in them is made again",
        "a build was killed here and left 2.0 kB half written",
        "the last build here was killed",
        "a reader holds 1 blob",
        "1 lease of readers that were killed",
    ]


def test_a_store_of_a_newer_lorabuild_is_told(project):
    light.built(project)
    with Store(project / STORE) as store:
        store.database.rows("PRAGMA user_version = 99")
    (text,) = about(project, "store", "problem")
    assert "state.db: the store was made by a newer lorabuild" in text


def test_a_damaged_database_is_told(project):
    light.built(project)
    for path in (project / STORE).glob("state.db*"):
        path.write_bytes(b"rubbish" * 2000)
    assert about(project, "store", "note")[0].startswith("the state database is damaged")


def test_what_is_wrong_with_the_project_is_told_with_its_place(project):
    light.write(project, training={"los": "l2"}, concepts={"plain": {"folder": "nowhere", "triggers": ["zorbl"]}})
    assert any("los" in text and "lora.yaml:" in text for text in about(project, "project", "problem"))
    assert looked(project)["ok"] is False


def test_models_that_are_not_there_are_told(project):
    light.write(project, base={"model": "someone/somewhere"})
    assert about(project, "project", "note") == ["someone/somewhere is not here yet → a build downloads it"]
    light.write(project, base={"model": "base"})
    (project / "base/unet/config.json").unlink()
    assert about(project, "project", "problem")


def test_a_merge_conflict_in_the_lock_is_told(project):
    (project / "lora.lock").write_text("<<<<<<< ours\n{}\n=======\n{}\n>>>>>>> theirs\n", "utf-8")
    (text,) = about(project, "project", "problem")
    assert text.startswith("lora.lock: this file holds a merge conflict")


def test_all_that_is_found_is_json(project):
    assert json.loads(json.dumps(looked(project)))["ok"] is True
