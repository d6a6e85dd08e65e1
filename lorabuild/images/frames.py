"""Python values through a pipe between two of our own processes; arrays go beside the pickle, and are copied once."""

from __future__ import annotations

import pickle
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import IO

_NUMBER = struct.Struct("<Q")


def send(pipe: IO[bytes], value: Any) -> None:
    """Write one value. Raises OSError when nobody reads any more."""
    beside: list[pickle.PickleBuffer] = []
    pieces = [memoryview(pickle.dumps(value, protocol=5, buffer_callback=beside.append))]
    pieces += [buffer.raw() for buffer in beside]
    sizes = (len(pieces), *(piece.nbytes for piece in pieces))
    pipe.write(b"".join(map(_NUMBER.pack, sizes)))
    pipe.writelines(pieces)
    pipe.flush()


def receive(pipe: IO[bytes]) -> Any:
    """Read one value. Raises EOFError when the other side has gone."""
    count = _NUMBER.unpack(_exactly(pipe, _NUMBER.size))[0]
    sizes = struct.unpack(f"<{count}Q", _exactly(pipe, count * _NUMBER.size))
    body, *beside = (_exactly(pipe, size) for size in sizes)
    return pickle.loads(body, buffers=beside)  # noqa: S301 - from a process that we started, through a pipe of its own


def _exactly(pipe: IO[bytes], size: int) -> bytearray:
    piece = bytearray(size)
    if size and pipe.readinto(piece) != size:  # type: ignore[attr-defined]  # a buffered reader has it
        raise EOFError("the other process has gone")
    return piece
