"""Draws the example's training pictures of `zorbl`: `python -m make.dataset`. The same files every time.

`zorbl` is a teal round body with one big eye and two antennae with pink balls; its outfit is one big red cape. Some
pictures are as people find them: on paper, signed, cut out, four on a sheet.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter, ImageOps

from .draw import Spec, draw, draw_cut_out
from .words import CAPE_RED, PINK, SCENES, SIZES, TEAL

HERE = Path(__file__).resolve().parent.parent
PIXELS = 128
PAPER, EDGE, GAP = "#f4efe4", 12, 8
SIGNATURE = [(82, 118), (88, 110), (92, 119), (98, 111), (101, 119), (108, 113), (113, 118), (121, 115)]
TRIGGER, OUTFIT = "zorbl", "zorbl_cape"


@dataclass(frozen=True, slots=True)
class Entry:
    """One file to write.

    Attributes:
        look: `cut out`, on `paper`, `signed`, or empty: just drawn.
        text: a caption written by hand.
    """

    name: str
    spec: Spec
    look: str = ""
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


def others() -> list[tuple[str, str, bool]]:
    """The same with limbs where there were none."""
    return [(scene, size, not limbs) for scene, size, limbs in settings()]


def plain_entries() -> list[Entry]:
    """Fourteen pictures without the cape."""
    endings, looks = {8: "webp"}, {2: "cut out", 9: "paper", 12: "signed"}
    entries = []
    for number, (scene, size, limbs) in enumerate([*settings(), others()[4], others()[7]], start=1):
        spec = zorbl(scene, size, limbs=limbs, cape=False, seed=500 + number)
        text = hand_caption(scene, size, limbs=limbs, cape=False) if number == 6 else ""
        entries.append(Entry(f"{number:02d}.{endings.get(number, 'png')}", spec, looks.get(number, ""), text))
    return entries


def sheet_specs() -> list[Spec]:
    """Four more without the cape, on one sheet."""
    chosen = [others()[place] for place in (1, 3, 6, 10)]
    return [zorbl(*one[:2], limbs=one[2], cape=False, seed=550 + number) for number, one in enumerate(chosen)]


def cape_entries() -> list[Entry]:
    """Twelve with the cape: as many big as small, with limbs as without, so that only its tag tells the cape."""
    chosen = [settings()[place] for place in (0, 1, 2, 3, 4, 6, 9, 11)] + [others()[place] for place in (1, 4, 7, 10)]
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


def drawing(entry: Entry) -> Image.Image:
    """The picture as a person has it."""
    if entry.look == "cut out":
        return draw_cut_out(entry.spec, PIXELS)
    image = draw(entry.spec, PIXELS)
    if entry.look == "paper":
        return ImageOps.expand(image, EDGE, PAPER)
    if entry.look == "signed":
        ImageDraw.Draw(image).line(SIGNATURE, "#181818", 2, joint="curve")
    return image


def signature_mask() -> Image.Image:
    """What is to be painted over, and two pixels around it, in white."""
    mask = Image.new("L", (PIXELS, PIXELS))
    ImageDraw.Draw(mask).line(SIGNATURE, 255, 2, joint="curve")
    return mask.filter(ImageFilter.MaxFilter(5))


def write(folder: Path, entries: list[Entry]) -> None:
    """Write pictures, the captions of some, and where a signature is."""
    folder.mkdir(parents=True, exist_ok=True)
    for entry in entries:
        file = folder / entry.name
        how = {".webp": {"lossless": True}, ".jpg": {"quality": 95, "subsampling": 0}}
        drawing(entry).save(file, **how.get(file.suffix, {"compress_level": 9}))
        if entry.text:
            file.with_suffix(".txt").write_text(entry.text + "\n", encoding="utf-8")
        if entry.look == "signed":
            signature_mask().save(file.with_suffix(".erase.png"))


def write_sheet(folder: Path) -> None:
    """Write `sheet.png` and the boxes of its pictures."""
    sheet, boxes = Image.new("RGB", (2 * PIXELS + 3 * GAP,) * 2, PAPER), []
    for number, spec in enumerate(sheet_specs()):
        left, top = (GAP + part * (PIXELS + GAP) for part in (number % 2, number // 2))
        sheet.paste(draw(spec, PIXELS), (left, top))
        boxes.append([left, top, left + PIXELS, top + PIXELS])
    sheet.save(folder / "sheet.png", compress_level=9)
    (folder / "sheet.crop.json").write_text(json.dumps(boxes) + "\n", encoding="utf-8")


def main() -> None:
    """Write both concepts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=HERE / "dataset")
    out: Path = parser.parse_args().out
    write(out / "plain", plain_entries())
    write_sheet(out / "plain")
    write(out / "cape", cape_entries())


if __name__ == "__main__":
    main()
