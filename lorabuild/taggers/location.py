"""Where a tagger's model files are: a folder, or the local cache of the Hugging Face hub, filled once when online."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lorabuild.core.errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lorabuild.schema.site import Site

WHERE = "lora.yaml captions.tagger.model"
_HUB_ID = re.compile(r"([\w-][\w.-]*/[\w-][\w.-]*)(?:@([\w-][\w./-]*))?")


def locate(model: str, names: Sequence[str], site: Site) -> dict[str, Path]:
    """The named files of a model: name → path. Raises ProjectError when one is missing and can't be downloaded.

    Args:
        model: a folder, relative to the project, or a hub id ``owner/name[@revision]``.
        names: files that the tagger can't do without.
        site: the project.
    """
    folder = site.path(model)
    found = _HUB_ID.fullmatch(model)
    if folder.is_dir():
        return _in_folder(folder, names)
    if not found or site.path(model.partition("/")[0]).exists():
        raise ProjectError(
            f"the folder {model!r} with the tagger does not exist",
            where=WHERE,
            next_step=f"give a folder that has {' and '.join(names)}, or a hub id such as SmilingWolf/wd-vit-tagger-v3",
        )
    return {name: _from_hub(found[1], found[2], name) for name in names}


def _in_folder(folder: Path, names: Sequence[str]) -> dict[str, Path]:
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise ProjectError(
            f"the tagger's folder {folder.name!r} has no {' and no '.join(missing)}",
            where=WHERE,
            next_step=f"put {' and '.join(missing)} into {folder}",
        )
    return {name: folder / name for name in names}


def _from_hub(repo: str, revision: str | None, name: str) -> Path:
    """A file of a hub repository: the cached one if there is one, else downloaded now."""
    from huggingface_hub import hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import EntryNotFoundError, HFValidationError

    try:
        cached = try_to_load_from_cache(repo, name, revision=revision)
        path = cached if isinstance(cached, str) else hf_hub_download(repo, name, revision=revision)
    except (OSError, EntryNotFoundError, HFValidationError) as error:
        at = f"{repo}@{revision}" if revision else repo
        raise ProjectError(
            f"{at} is no folder of the project, and {name} can't be had from the hub under that name: {_said(error)}",
            where=WHERE,
            next_step=f"check the name and the connection, run once `hf download {repo} {name}` while online, "
            "or give a folder",
        ) from error
    return _file(path)


def _file(path: str) -> Path:
    from pathlib import Path

    return Path(path)


def _said(error: Exception) -> str:
    """The first line of an error of the hub's library; the rest of it speaks of its own options."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
