"""A project of very many small pictures with tags beside them, for the benchmarks of the engine.

    python benchmarks/many.py FOLDER --images 10000

Every picture is another one (its number is written into its pixels), 500 a folder below one concept in each of two
folders; tags come from ``.tags`` files, so that nothing but the engine works up to ``balance``. The base model is that
of the example project.
"""

from __future__ import annotations

import argparse
import shutil
import struct
import zlib
from pathlib import Path

BASE = Path(__file__).resolve().parent.parent / "example_project" / "base"
PER_FOLDER = 500
SIDE = 16
SETTINGS = """\
name: many
base: {model: base}
triggers:
  zorbl: {kind: character, absorbs: [1creature]}
  zorbl_cape: {kind: outfit, absorbs: [cape]}
concepts:
  plain: {folder: dataset/plain, triggers: [zorbl]}
  cape: {folder: dataset/cape, triggers: [zorbl, zorbl_cape]}
images: {resolution: 64}
captions: {tagger: {type: sidecar, extension: .tags}}
budget: {steps: 20000, epochs: 4}
samples: {prompts: [zorbl], every: end}
device: {type: cpu, threads: 1}
"""
TAGS = ("hat", "bow", "grass", "night", "beach", "small", "big", "limbs")


def make(root: Path, images: int) -> Path:
    """The project, never built."""
    shutil.copytree(BASE, root / "base")
    (root / "lora.yaml").write_text(SETTINGS, "utf-8")
    for number in range(images):
        place = path(root, number)
        if number % PER_FOLDER < 2:
            place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(png(number))
        place.with_suffix(".tags").write_text(f"1creature, cape, {TAGS[number % 8]}", "utf-8")
    return root


def path(root: Path, number: int) -> Path:
    """Where a picture lies: the even ones are plain, the odd ones wear a cape."""
    concept = ("plain", "cape")[number % 2]
    return root / "dataset" / concept / f"{number // PER_FOLDER:03d}" / f"{number:06d}.png"


def png(number: int) -> bytes:
    """A picture of 16 × 16 pixels that no other number has."""
    row = b"\0" + struct.pack(">I", number) + bytes(range(SIDE * 3 - 4))
    body = zlib.compress(row * SIDE, 1)
    head = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=10_000)
    wishes = parser.parse_args()
    print(make(wishes.folder, wishes.images))


if __name__ == "__main__":
    main()
