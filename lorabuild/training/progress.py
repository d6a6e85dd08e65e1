"""What a training says while it runs: at most ten times a second, with loss, rate and time left."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lorabuild.core.events import Emit, Event
from lorabuild.training.board import taken

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lorabuild.training.board import Board
    from lorabuild.training.logs import Row

PAUSE = 0.1


@dataclass(slots=True)
class Progress:
    """Reports on ``total`` optimizer steps; ``images`` and ``steps`` count what this process did since ``start``.

    ``board``: where every step is written for people who watch, or None.
    """

    emit: Emit
    total: int
    clock: Callable[[], float] = time.monotonic
    steps: int = 0
    images: int = 0
    board: Board | None = None
    _begun: float = 0.0
    _said: float = field(default=float("-inf"))

    def start(self) -> None:
        """The first step is about to begin."""
        self._begun = self.clock()

    def step(self, row: Row, images: int) -> None:
        """A step over so many images is done."""
        self.steps += 1
        self.images += images
        now = self.clock()
        if self.board:
            self.board.write(row, {"images_a_second": self.images / max(now - self._begun, 1e-9), **taken()})
        if row.step == self.total or now - self._said >= PAUSE:
            self._said = now
            self.emit(Event("progress", "train", self._data(row, now)))

    def note(self, code: str, text: str) -> None:
        """Something that a person should know, once."""
        self.emit(Event("note", "train", {"code": code, "item": "train", "text": text}))

    def validated(self, row: Row) -> None:
        """An epoch was measured on the images held out."""
        self.note("validation", f"epoch {row.epoch}: validation loss {row.validation:.4f}")
        if self.board:
            self.board.write(row, {})

    def kept(self, name: str, folder: Path) -> None:
        """A checkpoint lies in the folder; the training goes on once everyone has looked at it who wants to."""
        self.emit(Event("checkpoint", "train", {"name": name, "path": str(folder / f"{name}.safetensors")}))

    def close(self) -> None:
        """Nothing more is said."""
        if self.board:
            self.board.close()

    def _data(self, row: Row, now: float) -> dict[str, Any]:
        rate = self.steps / max(now - self._begun, 1e-9)
        said = {"done": row.step, "total": self.total, "unit": "steps", "epoch": row.epoch}
        said |= {"loss": row.loss, "loss_mean": row.loss_mean, "lr": row.lr or row.lr_text_encoder}
        return said | {"rate": rate, "left": (self.total - row.step) / rate}

    def speed(self) -> dict[str, float | None]:
        """Seconds a step and images a second of what this process did; None where it had nothing left to do."""
        if not self.steps:
            return {"seconds_a_step": None, "images_a_second": None}
        seconds = max(self.clock() - self._begun, 1e-9)
        return {"seconds_a_step": round(seconds / self.steps, 6), "images_a_second": round(self.images / seconds, 3)}
