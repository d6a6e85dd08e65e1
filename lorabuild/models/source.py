"""Where the base model's files are: a hub snapshot in the local cache, a diffusers folder, or one .safetensors file.

Planning reads this, so it imports nothing heavy; weights are opened elsewhere.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from lorabuild.core.errors import ProjectError
from lorabuild.models import checkpoint, hub

if TYPE_CHECKING:
    from lorabuild.schema.site import Site

WHERE = "base.model"
CONFIGS = Path(__file__).parent / "configs"
PARTS = ("unet", "vae", "text_encoder", "tokenizer", "scheduler")
PICKLES = frozenset({".bin", ".ckpt", ".pt", ".pth", ".pkl"})
WEIGHTS = {"unet": "diffusion_pytorch_model", "vae": "diffusion_pytorch_model", "text_encoder": "model"}
CONFIG = {
    "unet": "config.json",
    "vae": "config.json",
    "text_encoder": "config.json",
    "scheduler": "scheduler_config.json",
}
VOCABULARY = (
    "tokenizer.json",
    "vocab.json",
    "merges.txt",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
)


@dataclass(frozen=True, slots=True)
class Located:
    """A base model on this machine.

    Attributes:
        kind: ``folder`` in diffusers layout (a hub snapshot too) or one original ``file``.
        path: the folder or the file.
        family: the word of ``base.family``.
        revision: commit of a hub snapshot; None elsewhere.
        vae_factor: pixels a latent side, from the VAE's config.
        unet_factor: latent sides must be multiples of this: the U-Net halves them so often.
        prediction_type: what the model predicts, from the scheduler's config.
        files: part → every file that its behaviour comes from; their digests are the part's identity.
        configs: the folder that holds each part's config: the model's own, or ours for a single file.
        tokenizer: the folder with the vocabulary.
    """

    kind: Literal["folder", "file"]
    path: Path
    family: str
    revision: str | None
    vae_factor: int
    unet_factor: int
    prediction_type: str
    files: dict[str, tuple[Path, ...]]
    configs: Path
    tokenizer: Path


def locate(site: Site) -> Located:
    """Find the base model without going online. Raises ``ProjectError`` that says what to do where it isn't there."""
    text, family = site.project.base.model, site.project.base.family
    path = site.path(text)
    if path.is_dir():
        return _folder(path, family, None)
    if path.suffix in PICKLES:
        raise _pickled(path)
    if path.is_file():
        return _file(path, family)
    if named := hub.parse(text):
        revision, snapshot = hub.cached(named)
        return _folder(snapshot, family, revision)
    raise ProjectError(
        f"there is no model at {text!r}",
        where=WHERE,
        next_step="give a diffusers folder, a .safetensors file, or a hub id such as owner/name",
    )


def is_missing(site: Site) -> bool:
    """Whether the base is a hub model that isn't in the local cache yet."""
    text = site.project.base.model
    named = None if site.path(text).exists() else hub.parse(text)
    return named is not None and not hub.is_cached(named)


def fetch(site: Site) -> Located:
    """``locate``, after downloading what is missing of a hub model. Raises ``ProjectError`` when that fails."""
    text = site.project.base.model
    named = None if site.path(text).exists() else hub.parse(text)
    if named:
        hub.download(named)
    return locate(site)


def _folder(path: Path, family: str, revision: str | None) -> Located:
    missing = [part for part in PARTS if not (path / part).is_dir()]
    if missing:
        raise ProjectError(
            f"{path.name} is no complete diffusers folder: it lacks {', '.join(missing)}",
            where=WHERE,
            next_step=f"a diffusers folder has the folders {', '.join(PARTS)}",
        )
    if (path / "text_encoder_2").is_dir():
        raise _other_family(path, "SDXL", family)
    weights = {part: _weights(path / part, name) for part, name in WEIGHTS.items()}
    files = {part: (_present(path / part / name), *weights.get(part, ())) for part, name in CONFIG.items()}
    return Located(
        kind="folder",
        path=path,
        family=family,
        revision=revision,
        vae_factor=_factor(files["vae"][0]),
        unet_factor=_factor(files["unet"][0]),
        prediction_type=_read(files["scheduler"][0]).get("prediction_type", "epsilon"),
        files=files | {"tokenizer": _vocabulary(path / "tokenizer")},
        configs=path,
        tokenizer=path / "tokenizer",
    )


def _file(path: Path, family: str) -> Located:
    if path.suffix != ".safetensors":
        raise ProjectError(
            f"{path.name} is no .safetensors file", where=WHERE, next_step="give a .safetensors checkpoint"
        )
    found = checkpoint.family(path)
    if found != family:
        raise _other_family(path, found, family)
    configs = CONFIGS / family
    tokenizer = _tokenizer_beside(path)
    files = {part: (configs / part / name, *([path] if part in WEIGHTS else [])) for part, name in CONFIG.items()}
    return Located(
        kind="file",
        path=path,
        family=family,
        revision=None,
        vae_factor=_factor(files["vae"][0]),
        unet_factor=_factor(files["unet"][0]),
        prediction_type=_read(files["scheduler"][0])["prediction_type"],
        files=files | {"tokenizer": _vocabulary(tokenizer)},
        configs=configs,
        tokenizer=tokenizer,
    )


def _tokenizer_beside(path: Path) -> Path:
    """A single file carries no vocabulary: it comes from a folder beside it, or from the hub's local cache."""
    beside = path.parent / "tokenizer"
    if beside.is_dir():
        return beside
    folder = hub.clip_tokenizer()
    if folder is None:
        raise ProjectError(
            f"{path.name} needs CLIP's vocabulary, which a single file doesn't carry",
            where=WHERE,
            next_step=f"put the model's `tokenizer` folder beside it, or run once while online: hf download {hub.CLIP} "
            + " ".join(VOCABULARY[:5]),
        )
    return folder


def _weights(folder: Path, name: str) -> tuple[Path, ...]:
    """The weights of a part: one file, or shards with their index; full precision before fp16; never pickles."""
    for variant in ("", ".fp16"):
        whole = folder / f"{name}{variant}.safetensors"
        if whole.is_file():
            return (whole,)
        index = folder / f"{name}.safetensors.index{variant}.json"
        if index.is_file():
            shards = sorted(set(_read(index)["weight_map"].values()))
            return (index, *(_present(folder / shard) for shard in shards))
    pickle = next((found for found in sorted(folder.iterdir()) if found.suffix in PICKLES), None)
    if pickle:
        raise _pickled(pickle)
    raise ProjectError(f"{folder.name} has no {name}.safetensors in {folder}", where=WHERE)


def _vocabulary(folder: Path) -> tuple[Path, ...]:
    found = tuple(folder / name for name in VOCABULARY if (folder / name).is_file())
    names = {path.name for path in found}
    if "tokenizer.json" in names or {"vocab.json", "merges.txt"} <= names:
        return found
    raise ProjectError(
        f"the tokenizer folder {folder} has neither tokenizer.json nor vocab.json with merges.txt", where=WHERE
    )


def _present(path: Path) -> Path:
    if not path.is_file():
        raise ProjectError(f"the base model lacks {path.parent.name}/{path.name} in {path.parent}", where=WHERE)
    return path


def _read(path: Path) -> dict[str, Any]:
    try:
        return cast("dict[str, Any]", json.loads(path.read_text("utf-8")))
    except ValueError as error:
        raise ProjectError(f"{path} is no valid JSON: {error}", where=WHERE) from error


def _factor(config: Path) -> int:
    """How much a VAE or U-Net shrinks a side: every block but the last halves it."""
    return int(2 ** (len(_read(config)["block_out_channels"]) - 1))


def _pickled(path: Path) -> ProjectError:
    return ProjectError(
        f"{path.name} is a pickle: opening it could run anything, so lorabuild doesn't",
        where=WHERE,
        next_step="take the same model as .safetensors, or convert it where you trust it",
    )


def _other_family(path: Path, found: str, family: str) -> ProjectError:
    return ProjectError(
        f"{path.name} is {found}, while base.family says {family}", where=WHERE, next_step="give a model of that family"
    )
