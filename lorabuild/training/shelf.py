"""Cached tensors: read from the store once, kept on the CPU while they fit, read again where they don't."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safetensors.torch import load

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

ROOM = 2 << 30


class Shelf:
    """Tensors by the digest of their safetensors bytes.

    Nothing is ever taken off: an epoch looks at everything in random order, so what stands here saves its share of
    reads, while a shelf that makes room for the newest would miss most of the time.
    """

    def __init__(self, read: Callable[[str], bytes], room: int = ROOM) -> None:
        """``read`` gives the bytes of a digest (it raises ``BlobError`` itself); ``room`` is in bytes."""
        self._read = read
        self._room = room
        self._kept: dict[str, dict[str, Tensor]] = {}
        self.used = 0

    def tensors(self, digest: str) -> dict[str, Tensor]:
        """All tensors of one blob; not to be written to."""
        if digest in self._kept:
            return self._kept[digest]
        found: dict[str, Tensor] = load(self._read(digest))
        size = sum(tensor.nbytes for tensor in found.values())
        if self.used + size <= self._room:
            self._kept[digest] = found
            self.used += size
        return found
