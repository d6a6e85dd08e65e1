"""The resumable state of a training: one safetensors file a save, named by its step and its own digest.

A save is written aside, synced and renamed, so a kill leaves the one before it; a file whose bytes don't match its
name is passed over for the one before. Nothing is pickled: the optimizer's tensors are tensors, its numbers are JSON.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save
from torch import Tensor

from lorabuild.core.digest import digest, file_digest, short
from lorabuild.core.files import write_atomic

if TYPE_CHECKING:
    from pathlib import Path

    from torch.optim import Optimizer

    from lorabuild.networks.attach import Adapter

FORM = 1
KEPT = 2
LONGEST = 60.0


class Row(NamedTuple):
    """One optimizer step in the log; ``loss`` is the mean over the images of the step, rates are those of the step."""

    step: int
    epoch: int
    loss: float
    loss_mean: float
    lr: float
    lr_text_encoder: float
    grad_norm: float


@dataclass(slots=True)
class State:
    """How far a training is.

    Attributes:
        folder: a private folder; epoch files and states stand in it.
        epoch: epochs that are finished.
        window: optimizer steps that are done of the epoch under way.
        rows: the log, one row per optimizer step since the start.
        checkpoints: digests of the files of the finished epochs.
        saved_at: when it was last saved, by the monotonic clock.
    """

    folder: Path
    epoch: int = 0
    window: int = 0
    rows: list[Row] = field(default_factory=list)
    checkpoints: list[str] = field(default_factory=list)
    _loaded: dict[str, Tensor] = field(default_factory=dict)
    _numbers: dict[str, Any] = field(default_factory=dict)
    saved_at: float = field(default_factory=time.monotonic)

    @classmethod
    def open(cls, folder: Path) -> State:
        """The newest whole state in the folder, or a fresh one."""
        for path in reversed(_saved(folder)):
            state = cls._read(folder, path)
            if state is not None:
                return state
        return cls(folder)

    @classmethod
    def _read(cls, folder: Path, path: Path) -> State | None:
        """One saved state; None when it, or an epoch file that it names, is missing or damaged."""
        try:
            data = path.read_bytes()
            if short(digest(data)) != path.stem.rpartition("-")[2]:
                return None
            tensors = load(data)
            with safe_open(path, framework="pt") as opened:
                facts = json.loads(opened.metadata()["state"])
            checkpoints = [file_digest(epoch_path(folder, number + 1)) for number in range(facts["epoch"])]
        except (OSError, ValueError, KeyError, SafetensorError):
            return None
        if facts["form"] != FORM or checkpoints != facts["checkpoints"]:
            return None
        rows = [Row(int(row[0]), int(row[1]), *row[2:]) for row in tensors.pop("log").tolist()]
        return cls(folder, facts["epoch"], facts["window"], rows, checkpoints, tensors, facts["optimizer"])

    @property
    def step(self) -> int:
        """Optimizer steps done since the start."""
        return len(self.rows)

    def restore(self, adapter: Adapter, optimizer: Optimizer) -> None:
        """Bring adapter and optimizer to where this state was saved; nothing happens for a fresh one."""
        if not self._loaded:
            return
        adapter.load_state(_below("adapter/", self._loaded))
        _load_optimizer(optimizer, _below("optimizer/", self._loaded), self._numbers)
        self._loaded.clear()

    def advance(self, row: Row) -> None:
        """One more optimizer step is done."""
        self.rows.append(row)
        self.window += 1

    def end_epoch(self, adapter: Adapter, optimizer: Optimizer) -> None:
        """Write the epoch's file, then the state that names it."""
        self.epoch, self.window = self.epoch + 1, 0
        data = adapter_bytes(adapter)
        write_atomic(epoch_path(self.folder, self.epoch), data)
        self.checkpoints.append(digest(data))
        self.save(adapter, optimizer)

    def is_due(self, every: int) -> bool:
        """Whether it is time to save: every so many optimizer steps, and at the latest a minute after the last save."""
        return self.step % every == 0 or time.monotonic() - self.saved_at >= LONGEST

    def save(self, adapter: Adapter, optimizer: Optimizer) -> None:
        """Write the state, then drop all but the newest two."""
        self.saved_at = time.monotonic()
        tensors, numbers = optimizer_state(optimizer)
        named = {f"adapter/{name}": _plain(tensor) for name, tensor in adapter.state().items()}
        named |= {f"optimizer/{name}": tensor for name, tensor in tensors.items()}
        named["log"] = torch.tensor(self.rows, dtype=torch.float64).reshape(len(self.rows), len(Row._fields))
        facts: dict[str, Any] = {"form": FORM, "epoch": self.epoch, "window": self.window}
        facts |= {"checkpoints": self.checkpoints, "optimizer": numbers}
        data = save(named, metadata={"state": json.dumps(facts, sort_keys=True)})
        write_atomic(self.folder / f"state-{self.step:08d}-{self.epoch:04d}-{short(digest(data))}.safetensors", data)
        for old in _saved(self.folder)[:-KEPT]:
            old.unlink(missing_ok=True)

    def checkpoint(self, epoch: int) -> bytes:
        """The file of a finished epoch (from 1)."""
        return epoch_path(self.folder, epoch).read_bytes()

    def log(self) -> bytes:
        """The log as JSON lines."""
        return b"".join(json.dumps(row._asdict()).encode() + b"\n" for row in self.rows)


def epoch_path(folder: Path, epoch: int) -> Path:
    """Where the file of an epoch (from 1) stands while the training isn't over."""
    return folder / f"epoch-{epoch:04d}.safetensors"


def adapter_bytes(adapter: Adapter) -> bytes:
    """The adapter as a float32 safetensors file without metadata: the same tensors give the same bytes."""
    return bytes(save({name: _plain(tensor).float() for name, tensor in sorted(adapter.state().items())}))


def optimizer_state(optimizer: Optimizer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """An optimizer's memory as ``index/name → tensor`` and, as JSON, its numbers per parameter and per group."""
    known = optimizer.state_dict()
    tensors, numbers = {}, {}
    for index, entries in known["state"].items():
        for name, value in entries.items():
            if isinstance(value, Tensor):
                tensors[f"{index}/{name}"] = _plain(value)
            else:
                numbers[f"{index}/{name}"] = value
    groups = [_learned(group, optimizer.defaults) for group in known["param_groups"]]
    return tensors, {"parameters": numbers, "groups": groups}


def _load_optimizer(optimizer: Optimizer, tensors: dict[str, Tensor], numbers: dict[str, Any]) -> None:
    """The inverse of ``optimizer_state`` on an optimizer built from the same settings."""
    known = optimizer.state_dict()
    state: dict[int, dict[str, Any]] = {}
    for path, value in (tensors | numbers["parameters"]).items():
        index, _, name = path.partition("/")
        state.setdefault(int(index), {})[name] = value
    groups = [fresh | saved for fresh, saved in zip(known["param_groups"], numbers["groups"], strict=True)]
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def _learned(group: dict[str, Any], settings: dict[str, Any]) -> dict[str, float]:
    """The numbers of a group that training changed (Prodigy's d); settings and rates come from lora.yaml."""
    fixed = {"lr", "initial_lr"}
    numbers = {name: value for name, value in group.items() if isinstance(value, int | float) and name not in fixed}
    return {name: value for name, value in numbers.items() if value != settings.get(name)}


def _plain(tensor: Tensor) -> Tensor:
    return tensor.detach().cpu().contiguous()


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _saved(folder: Path) -> list[Path]:
    """The saved states, oldest first."""
    return sorted(folder.glob("state-*-*-*.safetensors"))
