"""Decoders warn about odd files; what matters of it is raised as an error, and the rest is not for people."""

from __future__ import annotations

import threading
import warnings
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from types import TracebackType


class Quiet:
    """``with`` this, warnings are off in the whole process, however many threads are inside at once.

    ``warnings.catch_warnings`` alone is not safe between threads: the first to leave would undo it for the others.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._caught = warnings.catch_warnings()

    def __enter__(self) -> None:
        """Turn warnings off if nobody did so far; a decompression bomb is an error."""
        with self._lock:
            if not self._inside:
                self._caught = warnings.catch_warnings()
                self._caught.__enter__()
                warnings.simplefilter("ignore")
                warnings.simplefilter("error", Image.DecompressionBombWarning)
            self._inside += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Bring the former filters back when the last one leaves."""
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._caught.__exit__(kind, error, trace)


quiet = Quiet()
