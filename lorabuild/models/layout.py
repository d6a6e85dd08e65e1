"""Which files a part of a diffusers model is made of, and what their configs say; nothing heavy is imported."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from lorabuild.core.errors import ProjectError

if TYPE_CHECKING:
    from pathlib import Path

WHERE = "base.model"
PICKLES = frozenset({".bin", ".ckpt", ".pt", ".pth", ".pkl"})
WEIGHTS = {
    "unet": "diffusion_pytorch_model",
    "vae": "diffusion_pytorch_model",
    "text_encoder": "model",
    "text_encoder_2": "model",
}
VOCABULARY = (
    "tokenizer.json",
    "vocab.json",
    "merges.txt",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
)

AGAIN = "copy or download the model again, or name another one"


def files(folder: Path, part: str, where: str = WHERE) -> tuple[Path, ...]:
    """The files of a part that lies in its own folder; its config comes first."""
    if part.startswith("tokenizer"):
        return vocabulary(folder)
    if part == "scheduler":
        return (present(folder / "scheduler_config.json"),)
    return (present(folder / "config.json", where), *weights(folder, WEIGHTS[part], where))


def weights(folder: Path, name: str, where: str = WHERE) -> tuple[Path, ...]:
    """The weights of a part: one file, or shards with their index; full precision before fp16; never pickles."""
    for variant in ("", ".fp16"):
        whole = folder / f"{name}{variant}.safetensors"
        if whole.is_file():
            return (whole,)
        index = folder / f"{name}.safetensors.index{variant}.json"
        if index.is_file():
            shards = sorted(set(read(index)["weight_map"].values()))
            return (index, *(present(folder / shard, where) for shard in shards))
    pickle = next((found for found in sorted(folder.iterdir()) if found.suffix in PICKLES), None)
    if pickle:
        raise pickled(pickle, where)
    raise ProjectError(f"{folder.name} has no {name}.safetensors in {folder}", where=where, next_step=AGAIN)


def vocabulary(folder: Path) -> tuple[Path, ...]:
    """The files of a tokenizer."""
    found = tuple(folder / name for name in VOCABULARY if (folder / name).is_file())
    names = {path.name for path in found}
    if "tokenizer.json" in names or {"vocab.json", "merges.txt"} <= names:
        return found
    raise ProjectError(
        f"the tokenizer folder {folder} has neither tokenizer.json nor vocab.json with merges.txt", where=WHERE
    )


def present(path: Path, where: str = WHERE) -> Path:
    """The path, which must be a file."""
    if not path.is_file():
        what = f"the base model lacks {path.parent.name}/{path.name} in {path.parent}"
        raise ProjectError(what, where=where, next_step=AGAIN)
    return path


def read(path: Path) -> dict[str, Any]:
    """A JSON file."""
    try:
        return cast("dict[str, Any]", json.loads(path.read_text("utf-8")))
    except ValueError as error:
        raise ProjectError(f"{path} is no valid JSON: {error}", where=WHERE, next_step=AGAIN) from error


def factor(config: Path) -> int:
    """How much a VAE or U-Net shrinks a side: every block but the last halves it."""
    return int(2 ** (len(read(config)["block_out_channels"]) - 1))


def pickled(path: Path, where: str = WHERE) -> ProjectError:
    """A pickle is refused."""
    return ProjectError(
        f"{path.name} is a pickle: opening it could run anything, so lorabuild doesn't",
        where=where,
        next_step="take the same model as .safetensors, or convert it where you trust it",
    )
