"""Draws the example's training pictures of `zorbl`: `python -m make.dataset`. The same files every time.

`zorbl` is a teal round body with one big eye and two antennae with pink balls; its outfit is one big red cape.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from .draw import Spec, draw, draw_cut_out
from .words import CAPE_RED, PINK, SCENES, SIZES, TEAL

HERE = Path(__file__).resolve().parent.parent
PIXELS = 128
TRIGGER, OUTFIT = "zorbl", "zorbl_cape"


@dataclass(frozen=True, slots=True)
class Entry:
    """One file to write; `text` is a caption written by hand."""

    name: str
    spec: Spec
    cut_out: bool = False
    text: str = ""


def zorbl(scene: str, size: str, *, limbs: bool, cape: bool, seed: int) -> Spec:
    """The new creature somewhere."""
    return Spec(
        shape="round",
        skin=TEAL,
        scene=scene,
        size=size,
        limbs=limbs,
        one_eye=True,
        head="antennae",
        head_rgb=PINK,
        garment="cape" if cape else "",
        garment_rgb=CAPE_RED,
        seed=seed,
    )


def settings() -> list[tuple[str, str, bool]]:
    """Scene, size, limbs: every scene in both sizes, limbs in every other one."""
    return [(scene, size, (i + j) % 2 == 1) for i, scene in enumerate(SCENES) for j, size in enumerate(SIZES)]


def plain_entries() -> list[Entry]:
    """Twelve pictures without the cape, and one of them once more under another name."""
    entries = []
    for number, (scene, size, limbs) in enumerate(settings(), start=1):
        spec = zorbl(scene, size, limbs=limbs, cape=False, seed=500 + number)
        ending = "webp" if number == 8 else "png"
        text = hand_caption(scene, size, limbs=limbs, cape=False) if number == 6 else ""
        entries.append(Entry(f"{number:02d}.{ending}", spec, cut_out=number == 2, text=text))
    return [*entries, Entry("13.png", entries[3].spec)]


def cape_entries() -> list[Entry]:
    """Eight with the cape: as many big as small, with limbs as without, so that only its tag tells the cape."""
    chosen = [settings()[place] for place in (0, 1, 2, 3, 4, 6, 9, 11)]
    entries = []
    for number, (scene, size, limbs) in enumerate(chosen, start=1):
        spec = zorbl(scene, size, limbs=limbs, cape=True, seed=600 + number)
        ending = "jpg" if number == 6 else "png"
        text = hand_caption(scene, size, limbs=limbs, cape=True) if number == 5 else ""
        entries.append(Entry(f"{number:02d}.{ending}", spec, text=text))
    return entries


def hand_caption(scene: str, size: str, *, limbs: bool, cape: bool) -> str:
    """What a person would write: triggers, then the rest in an order of their own."""
    return ", ".join([TRIGGER, *([OUTFIT] if cape else []), size, *(["limbs"] if limbs else []), scene])


def write(folder: Path, entries: list[Entry]) -> None:
    """Write pictures and hand-written captions. The duplicate is packed differently: only its pixels are the same."""
    folder.mkdir(parents=True, exist_ok=True)
    for entry in entries:
        file = folder / entry.name
        image = draw_cut_out(entry.spec, PIXELS) if entry.cut_out else draw(entry.spec, PIXELS)
        how = {".webp": {"lossless": True}, ".jpg": {"quality": 95, "subsampling": 0}}
        image.save(file, **how.get(file.suffix, {"compress_level": 1 if entry.name == "13.png" else 9}))
        if entry.text:
            file.with_suffix(".txt").write_text(entry.text + "\n", encoding="utf-8")


def main() -> None:
    """Write both concepts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=HERE / "dataset")
    out: Path = parser.parse_args().out
    write(out / "plain", plain_entries())
    write(out / "cape", cape_entries())


if __name__ == "__main__":
    main()
