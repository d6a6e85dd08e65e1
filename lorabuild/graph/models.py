"""The model files that every key depends on: where they lie, their digests, and the commits of those of the hub."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lorabuild.core.digest import canonical, digest
from lorabuild.core.errors import ProjectError
from lorabuild.core.words import hand
from lorabuild.models.hub import commit_of
from lorabuild.schema.parts import files_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lorabuild.core.statcache import FileDigest
    from lorabuild.models.source import Located
    from lorabuild.schema.site import Site

    Digests = Mapping[Path, FileDigest]


def tagger_files(site: Site) -> dict[str, Path]:
    """File of the tagger → where it lies."""
    tagger = site.project.captions.tagger
    return dict(hand("taggers", tagger.type).digests(tagger, site))


def table_files(site: Site) -> list[Path]:
    """The file with a person's implications, if there is one."""
    named = site.project.captions.implications
    return [site.path(named)] if named else []


def judge_files(site: Site) -> list[Path]:
    """The files of ``judge.model``, if there is one. Raises ProjectError where they aren't there."""
    named = site.project.judge.model
    found = [site.path(named) / name for name in ("config.json", "model.safetensors")] if named else []
    for path in found:
        if not path.is_file():
            hint = "give the folder of a CLIP model, with config.json and model.safetensors"
            raise ProjectError(f"there is no {path.name} in {named!r}", where="judge.model", next_step=hint)
    return found


def merged_files(site: Site) -> list[Path]:
    """The LoRAs that ``finish:`` merges, in its order."""
    return [site.path(other.file) for step in site.project.finish for other in step.merge or ()]


def needed(digests: Digests, path: Path) -> str:
    """The digest of a file that nothing can be done without. Raises ProjectError."""
    held = digests[path]
    if held.digest is None:
        raise ProjectError(
            f"a model file can't be read: {held.problem}",
            where=str(path),
            next_step="check the file and its permissions",
        )
    return held.digest


def commits(site: Site, base: Located, tagger: Mapping[str, Path]) -> dict[str, str]:
    """The commits of the hub models among these."""
    vae = commit_of(base.files["vae"][0]) if site.project.base.vae else None
    files = files_of(site.project.captions.tagger, tagger)
    taggers = {what: next(map(commit_of, own.values()), None) for what, own in files.items()}
    found = {"base": base.revision, "vae": vae, **taggers}
    return {what: commit for what, commit in found.items() if commit}


def joined(root: Path, paths: tuple[Path, ...], digests: Digests) -> str:
    """One digest of a part of the base model: its files' names below the model, and their bytes."""
    names = {
        path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name: needed(digests, path)
        for path in paths
    }
    return digest(canonical(names))
