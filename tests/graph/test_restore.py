import light
import pytest
from endings import ended, listed, repacked

from lorabuild.core.errors import ProjectError, StoreError
from lorabuild.core.store import Store
from lorabuild.graph.order import up_to
from lorabuild.graph.restore import restore


@pytest.fixture
def twice(project):
    """Two builds with other files; the number of the first."""
    light.finished(project)
    first = ended(project)[-1]["number"]
    lock = (project / "lora.lock").read_bytes()
    repacked(project, b"other")
    ended(project)
    assert (project / "lora.lock").read_bytes() != lock
    return project, first, lock


def test_the_files_of_an_earlier_build_lie_there_again(twice):
    project, first, lock = twice
    (project / ".lorabuild/null-report.idx").write_bytes(b"index")
    now = (project / "lora.lock").read_bytes()
    found = restore(project, first, say=print)
    assert found["number"] == first
    assert found["kept"] is None
    assert [(entry["path"], entry["written"]) for entry in found["files"]] == [
        ("out/report.html", False),
        ("out/tiny.json", False),
        ("out/tiny.safetensors", True),
    ]
    assert (project / "out/tiny.safetensors").read_bytes() == b"lora"
    assert (project / "lora.lock").read_bytes() == now != lock
    assert list((project / ".lorabuild").glob("null-*")) == []
    assert [build["here"] for build in listed(project)[-2:]] == [True, False]


def test_the_lock_comes_back_where_that_is_wished(twice):
    project, first, lock = twice
    found = restore(project, first, lock=True, say=print)
    assert "lora.lock" in [entry["path"] for entry in found["files"]]
    assert found["kept"] is None
    assert (project / "lora.lock").read_bytes() == lock


def test_a_lock_that_no_build_wrote_can_be_brought_back(twice):
    project, first, lock = twice
    now = (project / "lora.lock").read_bytes() + b"\n"
    (project / "lora.lock").write_bytes(now)
    found = restore(project, first, lock=True, say=print)
    assert (project / "lora.lock").read_bytes() == lock
    with Store(project / ".lorabuild", read_only=True) as store:
        row = next(row for row in store.history() if row["number"] == found["kept"])
        assert store.read(row["blobs"]["lora.lock"]) == now


def test_a_merge_conflict_is_not_written_over(twice):
    project, first, _ = twice
    (project / "lora.lock").write_text("<<<<<<< ours\n", "utf-8")
    with pytest.raises(ProjectError, match="merge conflict"):
        restore(project, first, lock=True, say=print)
    assert (project / "out/tiny.safetensors").read_bytes() == b"other"
    restore(project, first, lock=True, to=project / "elsewhere", say=print)
    assert (project / "elsewhere/lora.lock").read_bytes() != b"<<<<<<< ours\n"


def test_another_folder_may_be_named(twice, tmp_path):
    project, first, _ = twice
    found = restore(project, first, to=tmp_path / "old", say=print)
    assert sorted(path.name for path in (tmp_path / "old").iterdir()) == [
        "report.html",
        "tiny.json",
        "tiny.safetensors",
    ]
    assert found["files"][2]["path"] == f"{tmp_path.as_posix()}/old/tiny.safetensors"
    assert (tmp_path / "old/tiny.safetensors").read_bytes() == b"lora"
    assert (project / "out/tiny.safetensors").read_bytes() == b"other"


@pytest.mark.parametrize("path", ["../secret", "link/secret"])
def test_no_history_writes_outside_the_project_unless_the_person_names_the_folder(twice, tmp_path, path):
    project, _, _ = twice
    (tmp_path / "away").mkdir()
    (project / "link").symlink_to(tmp_path / "away")
    with Store(project / ".lorabuild") as store:
        blob = store.write(b"planted")
        store.commit(())
        number = store.history_add({"outputs": [], "blobs": {path: blob}})
    with pytest.raises(ProjectError, match="lay outside the project") as caught:
        restore(project, number, say=print)
    assert "--to FOLDER" in caught.value.next_step
    assert not (project.parent / "secret").exists()
    assert list((tmp_path / "away").iterdir()) == []
    restore(project, number, to=tmp_path / "away", say=print)
    assert (tmp_path / "away/secret").read_bytes() == b"planted"


def test_what_lies_there_and_belongs_to_no_build_can_be_brought_back(twice):
    project, first, _ = twice
    (project / "out/tiny.safetensors").write_bytes(b"from a friend")
    kept = restore(project, first, say=print)["kept"]
    assert (project / "out/tiny.safetensors").read_bytes() == b"lora"
    assert restore(project, kept, say=print)["kept"] is None
    assert (project / "out/tiny.safetensors").read_bytes() == b"from a friend"
    assert listed(project)[-1]["found"]


def test_what_can_no_longer_be_had_is_named_and_nothing_is_changed(twice):
    project, first, _ = twice
    with Store(project / ".lorabuild") as store:
        row = next(row for row in store.history() if row["number"] == first)
        store.blobs.quarantine(row["blobs"]["out/tiny.safetensors"])
    with pytest.raises(StoreError, match=r"out/tiny\.safetensors is no longer in the store") as caught:
        restore(project, first, say=print)
    assert "nothing was changed" in caught.value.next_step
    assert (project / "out/tiny.safetensors").read_bytes() == b"other"


def test_a_build_without_files_says_why(twice):
    project, _, _ = twice
    early = ended(project, stages=up_to(("text",)))[-1]["number"]
    with pytest.raises(ProjectError, match="stopped before the package"):
        restore(project, early, say=print)
    with Store(project / ".lorabuild") as store:
        older = store.history_add({"stages": {}, "outputs": []})
    with pytest.raises(ProjectError, match="its files were not kept"):
        restore(project, older, say=print)


def test_without_a_store_nothing_is_made(tmp_path):
    with pytest.raises(ProjectError, match="nothing was built here yet"):
        restore(tmp_path, 1, say=print)
    assert list(tmp_path.iterdir()) == []
