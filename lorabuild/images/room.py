"""How many pixels may be in memory at once: pictures that are decoded side by side share one room."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

MOST = 50_000_000  # two pictures of 24 megapixels; a pixel takes up to twelve bytes while its picture is decoded
FREE = 1_000_000  # a picture of so many pixels asks nobody


class Roomy(Protocol):
    """What a decoder asks for room."""

    def held(self, pixels: int) -> AbstractContextManager[None]:
        """Room for so many pixels, as long as it is held."""
        ...


class Room:
    """Room that is shared by threads. A picture that is larger than all of it waits until it is alone."""

    def __init__(self, most: int = MOST) -> None:
        self.most, self.used, self._change = most, 0, threading.Condition()

    def take(self, pixels: int) -> None:
        """Wait until there is room, and take it."""
        with self._change:
            self._change.wait_for(lambda: not self.used or self.used + pixels <= self.most)
            self.used += pixels

    def give(self, pixels: int) -> None:
        """Give it back."""
        with self._change:
            self.used -= pixels
            self._change.notify_all()

    @contextmanager
    def held(self, pixels: int) -> Iterator[None]:
        """Room for so many pixels."""
        if pixels <= FREE:
            yield
            return
        self.take(pixels)
        try:
            yield
        finally:
            self.give(pixels)


whole = Room()
"""The room of this process and of those that read pictures for it."""

asked: Roomy = whole
"""Where a decoder asks; a process that reads for another one asks that one."""
