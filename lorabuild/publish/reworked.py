"""A LoRA file that was made from others: opened, its header corrected, and written with its hashes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError

from lorabuild.core.digest import digest
from lorabuild.core.errors import ProjectError, StageError
from lorabuild.publish import file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

PICKLES = frozenset({".ckpt", ".pt", ".pth", ".bin", ".pkl"})
HISTORY = "lorabuild.history"
SPEC_HASH = "modelspec.hash_sha256"
PLAIN = ("networks.dylora", "networks.lora_fa", "lycoris.kohya")
"""Modules of networks that a sum or fewer ranks make a plain LoRA of."""


def opened(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """The tensors and the metadata of a file. Raises ``ProjectError`` for pickles and what is no safetensors file."""
    if not path.is_file():
        what = "this is a folder" if path.is_dir() else "there is no such file"
        raise ProjectError(what, where=str(path), next_step="name a .safetensors file")
    if path.suffix.lower() in PICKLES:
        what = f"{path.name} is a pickle: opening it could run anything, so lorabuild doesn't"
        raise ProjectError(what, where=str(path), next_step="take the same LoRA as .safetensors")
    try:
        return parsed(path.read_bytes())
    except (SafetensorError, ValueError) as error:
        step = "copy or download it again; the end may be missing"
        raise ProjectError(
            f"{path.name} is no safetensors file, or a broken one", where=str(path), next_step=step
        ) from error
    except OSError as error:
        raise ProjectError(f"{path.name} can't be read: {error.strerror}", where=str(path)) from error


def held(path: Path, mark: str) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """``opened``, of a file that must still have this digest. Raises ``StageError`` where it was changed meanwhile."""
    found = opened(path)
    if digest(path.read_bytes()) != mark:
        raise StageError(f"{path.name} was changed meanwhile", where=str(path), next_step="build again")
    return found


def parsed(data: bytes) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """The tensors and the metadata in a file's bytes. Raises ``SafetensorError`` or ``ValueError``."""
    state = file.load(data)
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return state, dict(header.get("__metadata__") or {})


def written(state: Mapping[str, torch.Tensor], metadata: Mapping[str, str]) -> bytes:
    """The bytes of a file with these tensors, as they are, and this metadata; its hashes are taken anew.

    Raises ``ProjectError`` for what is no number, or larger than the file's type holds.
    """
    if wild := next((name for name, tensor in state.items() if not torch.isfinite(tensor).all()), None):
        what = f"numbers come out that {str(state[wild].dtype).removeprefix('torch.')} can't hold"
        raise ProjectError(what, where=wild, next_step="take smaller weights")
    tensors = file.bare({name: tensor.contiguous() for name, tensor in state.items()})
    words = file.sign(tensors, {word: text for word, text in metadata.items() if not word.startswith("sshs_")})
    if SPEC_HASH in words:
        words[SPEC_HASH] = f"0x{words['sshs_model_hash']}"
    return file.with_metadata(tensors, words)


def corrected(
    metadata: Mapping[str, str], before: Mapping[str, Any], after: Mapping[str, Any], done: Sequence[Mapping[str, Any]]
) -> dict[str, str]:
    """The metadata of a file behind some steps: all words stay, but for those that are true no more.

    Args:
        metadata: of the file before.
        before: ``networks.inspect.ranks`` and ``type`` of the file before.
        after: the same of the file that it became.
        done: the steps, written as in ``finish:``; they come behind those of ``lorabuild.history``.
    """
    words = dict(metadata)
    arguments = _arguments(words)
    for word in ("dim", "alpha"):
        if before[word] != after[word]:
            words[f"ss_network_{word}"] = after[word]
        if before[f"conv_{word}"] != after[f"conv_{word}"]:
            arguments[f"conv_{word}"] = after[f"conv_{word}"]
    if _mixed(done, after) and words.get("ss_network_module") in PLAIN:
        words["ss_network_module"] = "networks.lora"
        for word in ("algo", "unit", "factor", "decompose_both"):
            arguments.pop(word, None)
    if arguments or "ss_network_args" in words:
        words["ss_network_args"] = json.dumps(arguments)
    words[HISTORY] = json.dumps([*history(metadata), *done], ensure_ascii=False)
    return words


def history(metadata: Mapping[str, str]) -> list[Any]:
    """What was done to a file since it was trained; empty where it doesn't say so."""
    try:
        held = json.loads(metadata.get(HISTORY, "[]"))
    except ValueError:
        return []
    return held if isinstance(held, list) else []


def _arguments(metadata: Mapping[str, str]) -> dict[str, Any]:
    try:
        held = json.loads(metadata.get("ss_network_args", "{}"))
    except ValueError:
        return {}
    return held if isinstance(held, dict) else {}


def _mixed(done: Sequence[Mapping[str, Any]], after: Mapping[str, Any]) -> bool:
    """Whether its ranks are no longer those that were trained, and it is a LoRA as every client reads it."""
    return after["type"] in ("LoRA", "LoCon") and any({"resize", "merge"} & set(step) for step in done)
