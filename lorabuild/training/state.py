"""The resumable state of a training: one safetensors file a save, named by its step and its own digest.

A save is written aside, synced and renamed, so a kill leaves the one before it; a file whose bytes don't match its
name is passed over for the one before. Nothing is pickled: the optimizer's tensors are tensors, its numbers are JSON.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save

from lorabuild.core.digest import digest, file_digest, short
from lorabuild.core.files import write_atomic
from lorabuild.training.logs import Row, columns, lines, rows_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from torch import Tensor

    from lorabuild.networks.attach import Adapter
    from lorabuild.training.moving import Moving

__all__ = ["Row", "State", "adapter_bytes", "adopt", "epoch_name", "put_adapter", "step_name"]

FORM = 3
KEPT = 2
LONGEST = 60.0
CHECKPOINTS = ("epoch-", "step-")


@dataclass(slots=True)
class State:
    """How far a training is.

    Attributes:
        folder: a private folder; checkpoints and states stand in it.
        epoch: epochs that are finished.
        window: optimizer steps that are done of the epoch under way.
        rows: the log, one row per optimizer step since the start.
        files: name of a checkpoint that is kept → digest of its file.
        concepts: whose losses the rows tell, in this order.
        at_once: images that go through the model at once, where memory ran out with more.
        keep_most: so many epochs, and so many steps, stay; None for all.
        saved_at: when it was last saved, by the monotonic clock.
    """

    folder: Path
    epoch: int = 0
    window: int = 0
    rows: list[Row] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    concepts: list[str] = field(default_factory=list)
    at_once: int | None = None
    keep_most: int | None = None
    _loaded: dict[str, Tensor] = field(default_factory=dict)
    _facts: dict[str, Any] = field(default_factory=dict)
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
        """One saved state; None when it, or a checkpoint that it names, is missing or damaged."""
        try:
            data = path.read_bytes()
            if short(digest(data)) != path.stem.rpartition("-")[2]:
                return None
            tensors, facts = load(data), _facts(path)
            sound = all(file_digest(_place(folder, name)) == known for name, known in facts["files"].items())
        except (OSError, ValueError, KeyError, SafetensorError):
            return None
        if facts["form"] != FORM or not sound:
            return None
        names = ("epoch", "window", "files", "concepts", "at_once")
        rows = rows_of(tensors.pop("log"))
        return cls(folder, rows=rows, **{name: facts[name] for name in names}, _loaded=tensors, _facts=facts)

    @property
    def step(self) -> int:
        """Optimizer steps done since the start."""
        return len(self.rows)

    def begin(self, moving: Moving, concepts: Collection[str], keep_most: int | None) -> None:
        """Bring everything to where this state was saved; where it is fresh, it tells of these concepts."""
        self.keep_most, self.concepts = keep_most, self.concepts or sorted(concepts)
        if self._loaded:
            moving.load(self._loaded, self._facts)
            self._loaded = {}

    def advance(self, row: Row) -> None:
        """One more optimizer step is done."""
        self.rows.append(row)
        self.window += 1

    def validated(self, loss: float) -> None:
        """The validation loss after the last step."""
        self.rows[-1] = self.rows[-1]._replace(validation=loss)

    def end_epoch(self, moving: Moving) -> None:
        """Write the epoch's file, then the state that names it."""
        self.epoch, self.window = self.epoch + 1, 0
        self.keep(epoch_name(self.epoch), moving)
        self.save(moving)

    def keep(self, name: str, moving: Moving) -> None:
        """Write a checkpoint; of more than ``keep_most`` of its kind the oldest is no longer named."""
        with moving.resting():
            data = adapter_bytes(moving.adapter)
        write_atomic(_place(self.folder, name), data)
        self.files[name] = digest(data)
        kind = [known for known in sorted(self.files) if known[0] == name[0]]
        for old in kind[: -self.keep_most] if self.keep_most else ():
            del self.files[old]

    def is_due(self, every: int) -> bool:
        """Whether it is time to save: every so many optimizer steps, and at the latest a minute after the last save."""
        return self.step % every == 0 or time.monotonic() - self.saved_at >= LONGEST

    def save(self, moving: Moving) -> None:
        """Write the state, then drop all but the newest two, and checkpoints that neither of them names."""
        self.saved_at = time.monotonic()
        tensors, numbers = moving.state()
        named = {name: _plain(tensor) for name, tensor in tensors.items()} | {"log": columns(self.rows)}
        facts: dict[str, Any] = {"form": FORM, "epoch": self.epoch, "window": self.window, "files": self.files}
        facts |= {"concepts": self.concepts, "at_once": self.at_once, **numbers}
        data = save(named, metadata={"state": json.dumps(facts, sort_keys=True)})
        write_atomic(self.folder / f"state-{self.step:08d}-{self.epoch:04d}-{short(digest(data))}.safetensors", data)
        self._sweep()

    def _sweep(self) -> None:
        for old in _saved(self.folder)[:-KEPT]:
            old.unlink(missing_ok=True)
        if self.keep_most:
            named = {name for path in _saved(self.folder) for name in _named(path)}
            for path in self.folder.glob("*-*.safetensors"):
                if path.name.startswith(CHECKPOINTS) and path.stem not in named:
                    path.unlink(missing_ok=True)

    def checkpoint(self, name: str) -> bytes:
        """The file of a checkpoint that is kept."""
        return _place(self.folder, name).read_bytes()

    def whole(self) -> bytes:
        """The state as it was saved last."""
        return _saved(self.folder)[-1].read_bytes()

    def log(self) -> bytes:
        """The log as JSON lines."""
        return lines(self.rows, self.concepts)


def adopt(folder: Path, state: bytes, checkpoints: dict[str, bytes]) -> None:
    """Put a saved state and the checkpoints that it names into a folder that has none: what is opened there goes on.

    The state comes last, so that a kill leaves a folder without any.
    """
    for name, data in checkpoints.items():
        write_atomic(_place(folder, name), data)
    with_facts = folder / "adopted.safetensors"
    write_atomic(with_facts, state)
    facts, log = _facts(with_facts), load(state)["log"]
    with_facts.replace(folder / f"state-{len(log):08d}-{facts['epoch']:04d}-{short(digest(state))}.safetensors")


def epoch_name(epoch: int) -> str:
    """What the checkpoint of an epoch (from 1) is called."""
    return f"epoch-{epoch:04d}"


def step_name(step: int) -> str:
    """What the checkpoint after so many optimizer steps is called."""
    return f"step-{step:08d}"


def _place(folder: Path, name: str) -> Path:
    """Where a checkpoint stands while the training isn't over."""
    return folder / f"{name}.safetensors"


def _facts(path: Path) -> dict[str, Any]:
    with safe_open(path, framework="pt") as opened:
        found: dict[str, Any] = json.loads(opened.metadata()["state"])
    return found


def _named(path: Path) -> Sequence[str]:
    """The checkpoints that a saved state names; none if it is damaged."""
    try:
        return list(_facts(path)["files"])
    except (OSError, ValueError, KeyError, TypeError, SafetensorError):
        return ()


def adapter_bytes(adapter: Adapter) -> bytes:
    """The adapter as a float32 safetensors file without metadata: the same tensors give the same bytes."""
    return bytes(save({name: _plain(tensor).float() for name, tensor in sorted(adapter.state().items())}))


def put_adapter(adapter: Adapter, data: bytes) -> None:
    """The inverse of ``adapter_bytes``."""
    adapter.load_state(load(data))


def _plain(tensor: Tensor) -> Tensor:
    return tensor.detach().cpu().contiguous()


def _saved(folder: Path) -> list[Path]:
    """The saved states, oldest first."""
    return sorted(folder.glob("state-*-*-*.safetensors"))
