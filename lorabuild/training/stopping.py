"""How a training ends before its budget: because it no longer helps, or because a person wants it to."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType

    from lorabuild.schema.training import Training
    from lorabuild.training.logs import Row

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def by_epoch(rows: Sequence[Row], epochs: int, *, validated: bool) -> list[float]:
    """What each of the finished epochs is judged by: validation loss, or smoothed loss, after its last step."""
    last = {row.epoch: row for row in rows if row.epoch <= epochs}
    return [row.validation if validated else row.loss_mean for _, row in sorted(last.items())]


def is_over(losses: Sequence[float], patience: int, min_delta: float) -> bool:
    """Whether the last ``patience`` losses are no better, by more than ``min_delta``, than the best before them."""
    if len(losses) <= patience:
        return False
    return min(losses[-patience:]) >= min(losses[:-patience]) - min_delta


def stopped_early(training: Training, rows: Sequence[Row], epochs: int) -> bool:
    """Whether a training with so many finished epochs is over by ``early_stop``."""
    wanted, checked = training.early_stop, training.validation
    if wanted is None:
        return False
    validated = checked is not None and checked.every == "epoch"
    return is_over(by_epoch(rows, epochs, validated=validated), wanted.patience, wanted.min_delta)


class Stop:
    """A wish to stop, which waits for the end of the step under way."""

    def __init__(self) -> None:
        self.number = 0
        self.before = {number: signal.getsignal(number) for number in SIGNALS}

    def listen(self) -> None:
        """Take the signals; one that is ignored stays so."""
        for number, handler in self.before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, self._take)

    def free(self) -> None:
        """Give the signals back."""
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def leave(self) -> None:
        """Do now what the signal would have done, if one came."""
        if self.number:
            self.free()
            signal.raise_signal(self.number)
            raise KeyboardInterrupt

    def _take(self, number: int, _frame: FrameType | None) -> None:
        """The first signal waits, the second doesn't."""
        again, self.number = bool(self.number), number
        if again:
            self.leave()


@contextmanager
def interruptible(*, here: bool) -> Iterator[Stop]:
    """Ctrl-C and SIGTERM wait for the end of a step, so that it is saved. ``here``: whether this process saves."""
    stop = Stop()
    if not here or threading.current_thread() is not threading.main_thread():
        yield stop
        return
    stop.listen()
    try:
        yield stop
    finally:
        stop.free()
