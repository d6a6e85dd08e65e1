"""Where a tagger's model files are: a folder, or the local cache of the Hugging Face hub, which a build fills."""

from __future__ import annotations

import re
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from lorabuild.core.errors import ProjectError
from lorabuild.schema.pins import pin

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from lorabuild.schema.site import Site

WHERE = "lora.yaml captions.tagger.model"
_HUB_ID = re.compile(r"([\w-][\w.-]*/[\w-][\w.-]*)(?:@([\w-][\w./-]*))?")


def locate(model: str, names: Sequence[str], site: Site) -> dict[str, Path]:
    """The named files of a model: name → path. Goes nowhere; raises ProjectError when one isn't on this machine.

    Args:
        model: a folder, relative to the project, or a hub id ``owner/name[@revision]``.
        names: files that the tagger can't do without.
        site: the project.
    """
    folder = site.path(model)
    if folder.is_dir():
        return _in_folder(folder, names)
    repo, revision = _hub_id(model, names, site)
    try:
        return {name: _cached(repo, revision, name) for name in names}
    except ProjectError as error:
        if pin(site, "tagger", model):
            raise _elsewhere(model, repo, revision) from error
        raise


def fetch(model: str, names: Sequence[str], site: Site) -> None:
    """Download the named files of a hub model that aren't in the local cache. Raises ProjectError when that fails."""
    if not site.path(model).is_dir():
        repo, revision = _hub_id(model, names, site)
        for name in names:
            _download(repo, revision, name)


def costs(model: str, names: Sequence[str], site: Site) -> list[tuple[str, int, bool]]:
    """Name, bytes, and whether it was downloaded before, of every named file of a hub model; nothing for a folder.

    Goes online. Raises ProjectError when the hub doesn't tell.
    """
    from huggingface_hub import hf_hub_download

    if site.path(model).is_dir():
        return []
    repo, revision = _hub_id(model, names, site)
    with _from_hub(repo, revision, ", ".join(names)):
        found = [hf_hub_download(repo, name, revision=revision, dry_run=True) for name in names]
        return [(one.filename, one.file_size or 0, one.is_cached) for one in found]


def _elsewhere(model: str, repo: str, revision: str | None) -> ProjectError:
    """The pinned revision is missing, and what is here instead."""
    from huggingface_hub.constants import HF_HUB_CACHE

    snapshots = _file(HF_HUB_CACHE) / f"models--{repo.replace('/', '--')}" / "snapshots"
    others = ", ".join(sorted(path.name[:8] for path in snapshots.glob("*"))) or "no revision"
    return ProjectError(
        f"lora.lock pins {model} to revision {(revision or '')[:8]}, and only {others} was downloaded here",
        where=WHERE,
        next_step="`lorabuild fetch` downloads it while online; `lorabuild update` moves the pin to the newest one",
    )


def _hub_id(model: str, names: Sequence[str], site: Site) -> tuple[str, str | None]:
    """Repository and revision. Raises ProjectError for what is meant as a folder."""
    found = _HUB_ID.fullmatch(model)
    if not found or site.path(model.partition("/")[0]).exists():
        raise ProjectError(
            f"the folder {model!r} with the tagger does not exist",
            where=WHERE,
            next_step=f"give a folder that has {' and '.join(names)}, or a hub id such as SmilingWolf/wd-vit-tagger-v3",
        )
    return found[1], pin(site, "tagger", model) or found[2]


def _in_folder(folder: Path, names: Sequence[str]) -> dict[str, Path]:
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise ProjectError(
            f"the tagger's folder {folder.name!r} has no {' and no '.join(missing)}",
            where=WHERE,
            next_step=f"put {' and '.join(missing)} into {folder}",
        )
    return {name: folder / name for name in names}


def _cached(repo: str, revision: str | None, name: str) -> Path:
    """A file of a hub repository that was downloaded before."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    cached = None
    with suppress(HFValidationError):
        cached = try_to_load_from_cache(repo, name, revision=revision)
    if not isinstance(cached, str):
        raise ProjectError(
            f"{_named(repo, revision)} is no folder of the project, and no tagger of the hub that was downloaded here",
            where=WHERE,
            next_step="`lorabuild tag` downloads it while online; "
            f"by hand: hf download {repo} {name}; or give a folder",
        )
    return _file(cached)


def _download(repo: str, revision: str | None, name: str) -> None:
    """Bring a file into the hub's cache, unless it is there."""
    from huggingface_hub import hf_hub_download, try_to_load_from_cache

    with _from_hub(repo, revision, name):
        if not isinstance(try_to_load_from_cache(repo, name, revision=revision), str):
            hf_hub_download(repo, name, revision=revision)


@contextmanager
def _from_hub(repo: str, revision: str | None, name: str) -> Iterator[None]:
    """What can go wrong on the way to the hub, in a person's words."""
    from huggingface_hub.errors import EntryNotFoundError, HFValidationError

    try:
        yield
    except (OSError, EntryNotFoundError, HFValidationError) as error:
        raise ProjectError(
            f"{_named(repo, revision)} is no folder of the project, "
            f"and {name} can't be had from the hub under that name: {_said(error)}",
            where=WHERE,
            next_step=f"check the name and the connection, run once `hf download {repo} {name}` while online, "
            "or give a folder",
        ) from error


def _named(repo: str, revision: str | None) -> str:
    return f"{repo}@{revision}" if revision else repo


def _file(path: str) -> Path:
    from pathlib import Path

    return Path(path)


def _said(error: Exception) -> str:
    """The first line of an error of the hub's library; the rest of it speaks of its own options."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
