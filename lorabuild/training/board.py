"""A run to be watched: event files for TensorBoard and JSON lines, with what differs from run to run (speed, memory).

An event file is a row of records: length, its checksum, a protobuf ``Event``, its checksum. The form has stood still
for ten years and needs no library.
"""

from __future__ import annotations

import json
import os
import struct
import sys
import time
from typing import TYPE_CHECKING, Any

import torch

from lorabuild.training.logs import told

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lorabuild.training.logs import Row
    from lorabuild.training.state import State

VERSION = b"brain.Event:2"
FLUSHED = 2.0
_POLYNOMIAL, _MASK = 0x82F63B78, 0xA282EAD8


class Board:
    """Writes into a folder: ``events.out.tfevents.<time>.<process>`` and ``log.jsonl``; both begin anew every time."""

    def __init__(self, folder: Path, state: State) -> None:
        """The steps that were done before are written first, so that the curves are whole."""
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("events.out.tfevents.*"):
            old.unlink(missing_ok=True)
        self.state = state
        self.events = (folder / f"events.out.tfevents.{time.time_ns() // 10**9:010d}.{os.getpid()}").open("wb")
        self.lines = (folder / "log.jsonl").open("w", encoding="utf-8")
        self.flushed = 0.0
        self.events.write(record(_double(1, time.time()) + _bytes(3, VERSION)))
        for row in state.rows:
            self.write(row, {})

    def write(self, row: Row, beside: Mapping[str, float]) -> None:
        """A step, with numbers of this run."""
        names = self.state.concepts
        self.lines.write(json.dumps({**told(row, names), **beside}) + "\n")
        flat = {**told(row, names), **beside}
        concepts = flat.pop("concepts", {})
        flat.pop("step")
        flat |= {f"loss/{name}": loss for name, loss in concepts.items()}
        self.events.write(record(event(row.step, flat)))
        if time.monotonic() - self.flushed > FLUSHED:
            self.flush()

    def flush(self) -> None:
        """What was written can be read."""
        self.flushed = time.monotonic()
        self.events.flush()
        self.lines.flush()

    def close(self) -> None:
        """The run is over."""
        self.events.close()
        self.lines.close()


def taken() -> dict[str, float]:
    """Bytes of memory: the most that this process held, and of the GPU the most that its tensors held."""
    found: dict[str, float] = {}
    if sys.platform != "win32":
        import resource

        unit = 1 if sys.platform == "darwin" else 1024
        found["memory"] = float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)
    if torch.cuda.is_available():
        found["memory_gpu"] = float(torch.cuda.max_memory_allocated())
    return found


def event(step: int, values: Mapping[str, Any]) -> bytes:
    """A protobuf ``Event`` with one number for each name."""
    summary = b"".join(_bytes(1, _bytes(1, name.encode()) + _float(2, value)) for name, value in values.items())
    return _double(1, time.time()) + _key(2, 0) + _varint(step) + _bytes(5, summary)


def record(data: bytes) -> bytes:
    """A record as TensorFlow writes it."""
    length = struct.pack("<Q", len(data))
    return length + _masked(length) + data + _masked(data)


def crc32c(data: bytes) -> int:
    """The checksum of RFC 3720 (Castagnoli)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def _row_of_table(value: int) -> int:
    for _ in range(8):
        value = (value >> 1) ^ (_POLYNOMIAL if value & 1 else 0)
    return value


_TABLE = tuple(map(_row_of_table, range(256)))


def _masked(data: bytes) -> bytes:
    crc = crc32c(data)
    return struct.pack("<I", (((crc >> 15) | (crc << 17)) + _MASK) & 0xFFFFFFFF)


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def _key(number: int, kind: int) -> bytes:
    return _varint(number << 3 | kind)


def _bytes(number: int, data: bytes) -> bytes:
    return _key(number, 2) + _varint(len(data)) + data


def _double(number: int, value: float) -> bytes:
    return _key(number, 1) + struct.pack("<d", value)


def _float(number: int, value: float) -> bytes:
    return _key(number, 5) + struct.pack("<f", value)
