"""What ``diff`` compares: lock and manifest of a git revision, of a build in the history, or as they lie on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lorabuild.core.errors import ProjectError
from lorabuild.core.store import Store
from lorabuild.graph import past
from lorabuild.graph.difference import Kept
from lorabuild.graph.lock import NAME, parse_lock, read_lock
from lorabuild.graph.manifest import MANIFEST, read_manifest
from lorabuild.graph.session import STORE

if TYPE_CHECKING:
    from pathlib import Path
    from subprocess import CompletedProcess

HEAD = "HEAD"


def pair(root: Path, words: list[str]) -> tuple[Kept, Kept]:
    """The two sides of ``diff [REV] [REV2]``: without REV the last commit, without REV2 the files on disk."""
    return kept(root, words[0] if words else HEAD), kept(root, words[1]) if len(words) > 1 else on_disk(root)


def on_disk(root: Path) -> Kept:
    """What lies in the project's folder. Raises ``ProjectError`` where nothing was built yet."""
    lock, manifest = read_lock(root), root / MANIFEST
    if lock is None:
        raise ProjectError(f"there is no {NAME} here", where=str(root), next_step="`lorabuild` writes it")
    return Kept(NAME, lock, read_manifest(manifest.read_bytes()) if manifest.is_file() else None)


def kept(root: Path, word: str) -> Kept:
    """What a word means: ``#3`` is build 3; ``3`` too where the history has it; all else is a git revision."""
    number = word.removeprefix("#")
    if number.isdecimal():
        with Store(root / STORE, read_only=True) as store:
            if word.startswith("#") or any(row["number"] == int(number) for row in store.history()):
                return _build(store, int(number))
    return _revision(root, word)


def _build(store: Store, number: int) -> Kept:
    """Raises ``ProjectError`` where there is no such build, or it left no lock."""
    row = past.row_of(store, number)
    if "lock" not in row:
        raise ProjectError(
            f"build {number} left no {NAME}: it stopped before the package, or is of an older lorabuild",
            next_step="`lorabuild history` lists the others",
        )
    name = f"build {number}"
    return Kept(name, parse_lock(store.read(row["lock"]), name), read_manifest(store.read(row["manifest"])))


def _revision(root: Path, revision: str) -> Kept:
    """Raises ``ProjectError`` where there is no git, no repository, no such revision, or no lock in it."""
    inside = _git(root, "rev-parse", "--is-inside-work-tree")
    if inside.returncode:
        said = inside.stderr.decode("utf-8", "replace").strip().partition("\n")[0]
        raise ProjectError(
            f"git can't be asked for `{revision}`: {said}",
            where=str(root),
            next_step="put the project into git, or name two builds of `lorabuild history`: `lorabuild diff #1`",
        )
    if _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").returncode:
        raise ProjectError(
            f"git knows no revision `{revision}`",
            next_step="name a commit, branch or tag, or a build of `lorabuild history`, such as `#1`",
        )
    lock, manifest = (_git(root, "cat-file", "blob", f"{revision}:./{name}") for name in (NAME, MANIFEST))
    if lock.returncode:
        raise ProjectError(
            f"there is no {NAME} in `{revision}`", next_step=f"commit {NAME} and {MANIFEST}: they belong into git"
        )
    rows = None if manifest.returncode else read_manifest(manifest.stdout)
    return Kept(revision, parse_lock(lock.stdout, f"{NAME} in {revision}"), rows)


def _git(root: Path, *words: str) -> CompletedProcess[bytes]:
    """Ask git in the project's folder; paths that begin with ``./`` are seen from there."""
    import subprocess

    try:
        return subprocess.run(["git", *words], cwd=root, capture_output=True, check=False)  # noqa: S603, S607 – no shell
    except OSError as error:
        raise ProjectError(
            "git can't be run",
            next_step="install git, or name two builds of `lorabuild history`: `lorabuild diff '#1' '#2'`",
        ) from error
