"""The same project gives the same bytes wherever it lies, whatever its files are called, cold, warm, edit by edit."""

import json
import shutil

import pytest
import small

LOCK = "lora.lock"


def clone(project, to):
    """The person's files alone, as git would bring them; with the lock, which is in git too."""
    shutil.copytree(project.root, to, ignore=shutil.ignore_patterns(".lorabuild", "out"))
    return small.Small(to)


def renamed(project):
    """Every picture under another name, in another order, some a folder deeper, with what is written beside it."""
    for number, path in enumerate(sorted(project.path("dataset").rglob("*.png"), reverse=True)):
        folder = path.parent / "deeper" if number % 2 else path.parent
        folder.mkdir(exist_ok=True)
        beside = path.with_suffix(".txt")
        for old in (path, beside):
            if old.exists():
                old.rename(folder / f"picture {number}{old.suffix}")
    return project


def edits(project):
    """A day's work on a project; a build is asked for after each."""
    small.picture((201, 201, 41), (64, 48)).save(project.path("dataset/plain/c.png"))
    yield
    text = project.path("lora.yaml").read_text("utf-8")
    project.path("lora.yaml").write_text(text.replace("zorbl_cape", "quib_cape"), "utf-8")
    yield
    project.path("dataset/plain/d.png").rename(project.path("dataset/cape/d.png"))
    project.path("dataset/plain/a.txt").write_text("zorbl, sky", "utf-8")
    yield
    project.write("steps: 24,", "steps: 40,")
    small.picture((200, 20, 160)).save(project.path("dataset/plain/new.png"))
    yield


def test_two_clones_in_folders_and_with_files_of_other_names(built, tmp_path):
    other = renamed(clone(built, tmp_path / "somewhere else" / "zorbl-2"))
    other.path(LOCK).unlink()
    assert other.build().code == 0
    assert other.sha() == built.sha()
    assert other.path(LOCK).read_bytes() == built.path(LOCK).read_bytes()
    mine, theirs = (manifest(project) for project in (built, other))
    assert [row[1:] for row in sorted(mine, key=content)] == [row[1:] for row in sorted(theirs, key=content)]
    assert {row[0] for row in mine}.isdisjoint(row[0] for row in theirs)


def manifest(project):
    lines = project.path("lora.manifest.tsv").read_text("utf-8").splitlines()
    assert lines[0] == "path\tdigest\tcaption"
    return [tuple(line.split("\t")) for line in lines[1:]]


def content(row):
    return row[1:]


def test_edit_by_edit_is_the_same_as_in_one_go(project, tmp_path):
    for _ in edits(project):
        assert project.build().code == 0
    once = clone(project, tmp_path / "once")
    once.path(LOCK).unlink()
    assert once.build().code == 0
    texts = (LOCK, "lora.manifest.tsv", "out/README.md", "out/SHA256SUMS")
    for name in (small.LORA, "out/tiny.json", "out/tiny.png", "out/tiny-grid.png", *texts):
        assert once.path(name).read_bytes() == project.path(name).read_bytes(), name


def test_stage_by_stage_is_the_same_as_in_one_go(fresh, built):
    for stage in ("scan", "latents", "train", "sample"):
        said = fresh.build(stage)
        assert said.code == 0
        assert said.said[-1]["outputs"] == []
    assert not fresh.path("out").exists()
    assert fresh.build().code == 0
    assert fresh.sha() == built.sha()


def test_a_clone_is_built_locked(built, tmp_path):
    other = clone(built, tmp_path / "clone")
    lock = other.path(LOCK).read_bytes()
    assert other.build("--locked").code == 0
    assert other.sha() == built.sha()
    assert other.path(LOCK).read_bytes() == lock
    assert other.build("--locked").ran == {}


LOCKED_OUT = {
    "a picture": (lambda p: small.picture((201, 201, 41)).save(p.path("dataset/plain/c.png")), "concepts.plain.root"),
    "a caption": (lambda p: p.path("dataset/plain/a.txt").write_text("sky"), "concepts.plain.root"),
    "a word": (lambda p: p.write("1.0e-3", "2.0e-3"), "settings.training.optimizer.lr"),
    "a picture gone": (lambda p: p.path("dataset/plain/d.png").unlink(), "concepts.plain.images"),
    "no lock": (lambda p: p.path(LOCK).unlink(), "there is no lora.lock"),
}


@pytest.mark.parametrize(("change", "named"), LOCKED_OUT.values(), ids=LOCKED_OUT)
def test_a_locked_build_refuses_a_change_and_trains_nothing(project, change, named):
    held = project.sha()
    change(project)
    before = project.path(LOCK).read_bytes() if project.path(LOCK).exists() else None
    refused = project.build("--locked")
    assert refused.code == 3
    assert named in refused.text
    assert not [event for event in refused.events("stage") if event["stage"] in ("train", "sample", "package")]
    assert project.sha() == held
    assert (project.path(LOCK).read_bytes() if project.path(LOCK).exists() else None) == before


def test_a_locked_build_lets_a_rename_pass(project):
    assert renamed(project).build("--locked").code == 0


def test_the_lock_tells_no_place_and_no_time(built):
    lock = built.path(LOCK).read_text("utf-8")
    assert str(built.root) not in lock
    found = json.loads(lock)
    assert found["outputs"][small.LORA] == built.sha()
    assert found["concepts"]["plain"]["images"] == 4
    assert found["models"]["base"]["source"] == "base"
    entity_lines = [line for line in lock.splitlines() if line.startswith("  ")]
    sections = ("settings", "models", "stages", "concepts", "record", "outputs")
    assert len(entity_lines) == sum(len(found[name]) for name in sections)


def test_the_clock_and_the_date_are_left_out_unless_they_are_given(project, monkeypatch):
    before = project.sha()
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert project.build().ran == {"package": 1, "report": 1}
    dated = project.sha()
    assert dated != before
    assert b"2023-11-14" in project.path(small.LORA).read_bytes()
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    assert project.build().ran == {}
    assert project.sha() == before


def test_the_number_of_pictures_at_once_changes_no_byte(fresh, built):
    fresh.write("threads: 1", "threads: 1, batch: 1")
    fresh.write("seed: 7", "seed: 7, save_state_every: 1, gradient_checkpointing: true")
    assert fresh.build().code == 0
    assert fresh.sha() == built.sha()
