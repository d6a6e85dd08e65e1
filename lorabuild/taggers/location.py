"""Where a tagger's model files are: a folder, or the local cache of the Hugging Face hub, which a build fills."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager, suppress
from fnmatch import fnmatch
from glob import escape
from typing import TYPE_CHECKING

from lorabuild.core.errors import ProjectError
from lorabuild.schema.pins import pin

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from lorabuild.schema.site import Site

WHERE = "lora.yaml captions.tagger.model"
_HUB_ID = re.compile(r"([\w-][\w.-]*/[\w-][\w.-]*)(?:@([\w-][\w./-]*))?")


def locate(model: str, names: Sequence[str], site: Site, version: str = "") -> dict[str, Path]:
    """The named files of a model: name → path. Goes nowhere; raises ProjectError when one isn't on this machine.

    Args:
        model: a folder or the model's file, relative to the project, or a hub id ``owner/name[@revision]``.
        names: files that the tagger can't do without, the model first. In a folder of one's own another name does,
            where only one file ends so.
        site: the project.
        version: folder of a hub's repository that holds the files; one of one's own may have it, too.
    """
    place = site.path(model)
    if place.is_dir():
        return _in_folder(place / version if version and (place / version).is_dir() else place, names)
    if place.is_file():
        return {names[0]: place, **_in_folder(place.parent, names[1:], place.stem)}
    repo, revision = _hub_id(model, names, site)
    try:
        return {name: _cached(repo, revision, whole) for name, whole in _within(version, names).items()}
    except ProjectError as error:
        if pin(site, "tagger", model):
            raise _elsewhere(model, repo, revision) from error
        raise


def with_weights(found: dict[str, Path]) -> dict[str, Path]:
    """The files, with the weights that an ONNX model among them keeps beside it."""
    models = [path for path in found.values() if path.suffix == ".onnx"]
    beside = sorted(path for model in models for path in model.parent.glob(f"{escape(model.name)}?*"))
    return found | {path.name: path for path in beside if path.suffix in {".data", ".onnx_data"}}


def fetch(model: str, names: Sequence[str], site: Site, version: str = "") -> None:
    """Download the named files of a hub model that aren't in the local cache. Raises ProjectError when that fails."""
    if not site.path(model).exists():
        repo, revision = _hub_id(model, names, site)
        for name in _within(version, names).values():
            _download(repo, revision, name)


def costs(model: str, names: Sequence[str], site: Site, version: str = "") -> list[tuple[str, int, bool]]:
    """Name, bytes, and whether it was downloaded before, of every named file of a hub model; nothing for a folder.

    Goes online. Raises ProjectError when the hub doesn't tell.
    """
    from huggingface_hub import hf_hub_download

    if site.path(model).exists():
        return []
    repo, revision = _hub_id(model, names, site)
    with _from_hub(repo, revision, ", ".join(names)):
        wanted = _within(version, names).values()
        found = [hf_hub_download(repo, name, revision=revision, dry_run=True) for name in wanted]
        return [(one.filename, one.file_size or 0, one.is_cached) for one in found]


def snapshot(model: str, patterns: Sequence[str], site: Site) -> list[Path]:
    """The files of a whole model that match, at its top, sorted. Goes nowhere; raises ProjectError without a config.

    Args:
        model: a folder, relative to the project, or a hub id.
        patterns: which files are of use.
        site: the project.
    """
    place = site.path(model)
    folder = place if place.is_dir() else locate(model, ("config.json",), site)["config.json"].parent
    found = sorted(path for pattern in patterns for path in folder.glob(pattern) if path.is_file())
    names = {path.name for path in found}
    missing = [] if "config.json" in names else ["config.json"]
    missing += sorted(_weights(folder) - names) or ([] if _has_weights(names) else ["*.safetensors"])
    if missing:
        raise ProjectError(
            f"the captioner's folder {place.name!r} has no {' and no '.join(missing)}",
            where=WHERE,
            next_step="`lorabuild fetch` downloads a model of the hub; weights are read from .safetensors files only",
        )
    return found


def published(model: str, patterns: Sequence[str], site: Site) -> list[str]:
    """The files of a hub model that match, weights last; none for a folder. Goes online; raises ProjectError."""
    from huggingface_hub import HfApi

    if site.path(model).is_dir():
        return []
    repo, revision = _hub_id(model, ("config.json",), site)
    with _from_hub(repo, revision, "its list of files"):
        names = HfApi().list_repo_files(repo, revision=revision)
    wanted = [name for name in names if "/" not in name and any(fnmatch(name, pattern) for pattern in patterns)]
    return sorted(wanted, key=lambda name: (name.endswith(".safetensors"), name))


def _has_weights(names: Iterable[str]) -> bool:
    return any(name.endswith(".safetensors") for name in names)


def _weights(folder: Path) -> set[str]:
    """The parts of a model that is cut into several files, as its index names them."""
    index = folder / "model.safetensors.index.json"
    try:
        return set(json.loads(index.read_bytes())["weight_map"].values()) if index.is_file() else set()
    except (ValueError, LookupError, TypeError, AttributeError):
        return {index.name}


@contextmanager
def needed(package: str) -> Iterator[None]:
    """An import of a package that may not be installed. Raises ProjectError that says what to install."""
    try:
        yield
    except ImportError as error:
        missing = (error.name or package).partition(".")[0] if isinstance(error, ModuleNotFoundError) else package
        raise ProjectError(
            f"this tagger needs the Python package {missing!r}: {_said(error)}",
            where="lora.yaml captions.tagger.type",
            next_step=f"pip install {missing}",
        ) from error


def _within(version: str, names: Sequence[str]) -> dict[str, str]:
    """Name → its place in the repository."""
    return {name: f"{version}/{name}" if version else name for name in names}


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


def _in_folder(folder: Path, names: Sequence[str], like: str = "") -> dict[str, Path]:
    """The named files; one that begins like the model's file is taken first, the only one that ends so last."""
    found = {name: _one_of(folder, name, like) for name in names}
    missing = [name for name, path in found.items() if path is None]
    if missing:
        raise ProjectError(
            f"the tagger's folder {folder.name!r} has no {' and no '.join(missing)}",
            where=WHERE,
            next_step=f"put {' and '.join(missing)} into {folder}",
        )
    return {name: path for name, path in found.items() if path}


def _one_of(folder: Path, name: str, like: str) -> Path | None:
    ending = name[name.rindex(".") :]
    others = sorted(path for path in folder.iterdir() if path.suffix == ending and path.is_file())
    alike = [path for path in others if like and path.name.startswith(like)]
    fitting = alike or [path for path in others if path.name == name] or others
    return fitting[0] if len(fitting) == 1 else None


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
