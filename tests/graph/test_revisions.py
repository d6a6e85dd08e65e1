import os
import subprocess

import light
import pytest
from endings import ended, repacked

from lorabuild.core.errors import ProjectError
from lorabuild.core.store import Store
from lorabuild.graph.lock import read_lock
from lorabuild.graph.manifest import read_manifest
from lorabuild.graph.order import up_to
from lorabuild.graph.revisions import kept, on_disk, pair


def git(folder, *words):
    who = ["-c", "user.name=someone", "-c", "user.email=someone@example.org", "-c", "init.defaultBranch=main"]
    return subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def commit(project, *names):
    git(project, "add", *names)
    git(project, "commit", "-q", "-m", "a build")


@pytest.fixture
def committed(project):
    """The project in a subfolder of a repository, built and committed."""
    light.finished(project)
    ended(project)
    git(project.parent, "init", "-q")
    commit(project, "lora.lock", "lora.manifest.tsv")
    return project


def test_without_words_the_last_commit_is_compared_with_the_disk(committed):
    repacked(committed, b"other")
    ended(committed)
    then, now = pair(committed, [])
    assert (then.name, now.name) == ("HEAD", "lora.lock")
    assert now.lock == read_lock(committed)
    assert now.rows == then.rows == read_manifest((committed / "lora.manifest.tsv").read_bytes())
    assert then.lock["outputs"]["out/tiny.safetensors"] != now.lock["outputs"]["out/tiny.safetensors"]


def test_a_revision_and_a_build_are_named(committed):
    git(committed, "tag", "v1")
    repacked(committed, b"other")
    ended(committed)
    commit(committed, "lora.lock")
    first, second = pair(committed, ["v1", "HEAD"])
    assert first.lock != second.lock
    numbers = [row["number"] for row in history(committed) if "lock" in row]
    for number, side in zip(numbers, (first, second), strict=True):
        for word in (f"#{number}", str(number)):
            assert kept(committed, word).lock == side.lock
            assert kept(committed, word).name == f"build {number}"
            assert kept(committed, word).rows == side.rows


def test_a_number_that_is_no_build_is_a_revision(committed):
    git(committed, "branch", "99")
    assert kept(committed, "99").name == "99"
    with pytest.raises(ProjectError, match="no build 99"):
        kept(committed, "#99")


def history(root):
    with Store(root / ".lorabuild", read_only=True) as store:
        return store.history()


def test_a_build_without_a_lock_says_why(committed):
    early = ended(committed, stages=up_to(("text",)))[-1]["number"]
    with pytest.raises(ProjectError, match="stopped before the package"):
        kept(committed, f"#{early}")


def test_what_git_does_not_have_is_said(committed):
    with pytest.raises(ProjectError, match="git knows no revision `nonsense`"):
        kept(committed, "nonsense")
    with pytest.raises(ProjectError, match="git knows no revision `-x`"):
        kept(committed, "-x")
    git(committed, "rm", "-q", "--cached", "lora.lock")
    git(committed, "commit", "-q", "-m", "without")
    with pytest.raises(ProjectError, match=r"no lora\.lock in `HEAD`") as caught:
        kept(committed, "HEAD")
    assert "commit lora.lock" in caught.value.next_step


def test_a_commit_without_a_manifest_tells_no_images(committed):
    git(committed, "rm", "-q", "--cached", "lora.manifest.tsv")
    git(committed, "commit", "-q", "-m", "without")
    assert kept(committed, "HEAD").rows is None
    (committed / "lora.manifest.tsv").unlink()
    assert on_disk(committed).rows is None


def test_a_damaged_lock_in_a_commit_is_said_with_its_place(committed):
    (committed / "lora.lock").write_text("{", "utf-8")
    commit(committed, "lora.lock")
    with pytest.raises(ProjectError) as caught:
        kept(committed, "HEAD")
    assert caught.value.where == "lora.lock in HEAD"


def test_a_project_outside_git_names_builds_instead(project, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(project.parent))
    with pytest.raises(ProjectError, match="git can't be asked for `HEAD`") as caught:
        kept(project, "HEAD")
    assert "lorabuild diff #1" in caught.value.next_step
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(ProjectError, match="git can't be run"):
        kept(project, "HEAD")


def test_a_project_that_was_never_built_has_nothing_to_compare(project):
    with pytest.raises(ProjectError, match=r"there is no lora\.lock here"):
        on_disk(project)
