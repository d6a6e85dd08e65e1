"""The dirty project of tests/data/dirty: nearly everything is wrong there that ``lint`` knows of.

    PYTHONPATH=. python tests/graph/dirty.py

makes its folder anew, but for ``findings.json``, which says what ``lint`` finds there and is written by hand.
"""

import atexit
import functools
import io
import json
import shutil
import struct
import sys
import tempfile
import zipfile
import zlib
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

TESTS = Path(__file__).resolve().parents[1]
sys.path.append(str(TESTS))  # shapes.py, where this is run by itself

import light  # noqa: E402 – both are found among the tests
from shapes import drawing  # noqa: E402

PLACE = TESTS / "data/dirty"
BASE = TESTS.parent / "example_project/base"
EXPECTED = json.loads((PLACE / "findings.json").read_text("utf-8")) if (PLACE / "findings.json").is_file() else {}
FOUND = {(code, item) for code, items in EXPECTED.get("lint", {}).items() for item in items}
PLANNED = {(code, item) for code, items in EXPECTED.get("plan", {}).items() for item in items}
SIZE = (160, 120)
TAGS = "1creature, pointed_hat, 1990s_(style)"
SETTINGS = """\
# Nearly everything is wrong here that `lorabuild lint` knows of: it finds what findings.json says, and nothing else.
# Made by tests/graph/dirty.py.
name: dirty
base: {model: ../../../example_project/base}
sources:
  - {path: sources/broken.zip, into: misc}
  - {path: sources/escape.zip, into: misc}
  - {path: sources/list.csv, into: misc}
triggers:
  zorbl:       {kind: character, class: creature, absorbs: [1creature]}
  zorbl_cape:  {kind: outfit, absorbs: [cape, belt]}
  zorbl_boots: {kind: outfit, absorbs: [boots]}             # always beside zorbl_cape
  zorbl_armor: {kind: outfit, absorbs: [armor, belt]}       # whose belt is it?
  pointed:     {kind: style, absorbs: [greyscale]}          # a word of tags that stand elsewhere
concepts:
  plain: {folder: data/plain, triggers: [zorbl]}
  cape:  {folder: data/cape, triggers: [zorbl, zorbl_cape, zorbl_boots], weight: 6}
  armor: {folder: data/armor, triggers: [zorbl, zorbl_armor], weight: 9}
  grey:  {folder: data/grey, triggers: [pointed], repeats: 900}
  empty: {folder: data/empty}
  loose: {folder: data/loose}
  misc:  {triggers: [zorbl]}
images:   {resolution: 64, masks: side, cache: false, buckets: {step: 16}}
captions: {tagger: {type: sidecar, extension: .tags}}
budget:   {steps: 7340, epochs: 2}
training: {batch: 4, train: unet, caption_shuffle: true, caption_variants: 64}
device:   {type: cpu, threads: 1}
"""


@functools.cache
def captioned():
    """The project with captions, for tests that change nothing there; made once a process."""
    folder = Path(tempfile.mkdtemp(prefix="dirty-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    root = make(folder / "project")
    light.built(root)
    return root


def make(root):
    """The project in a folder of its own, its base model where it is."""
    shutil.copytree(PLACE, root, ignore=shutil.ignore_patterns(".lorabuild", "findings.json"))
    text = (root / "lora.yaml").read_text("utf-8")
    (root / "lora.yaml").write_text(text.replace("../../../example_project/base", BASE.as_posix()), "utf-8")
    return root


def remake(place):
    """Everything but the findings."""
    for name in ("data", "sources"):
        shutil.rmtree(place / name, ignore_errors=True)
    for name in ("plain", "cape", "armor", "grey", "empty", "loose"):
        (place / "data" / name).mkdir(parents=True)
    (place / "lora.yaml").write_text(SETTINGS, "utf-8")
    (place / "data/empty/words.png").write_text("no picture\n", "utf-8")
    _pictures(place / "data/plain")
    _unreadable(place / "data/plain")
    _clothed(place / "data/cape", place / "data/armor")
    drawing(50, SIZE).save(place / "data/loose/silent.png")
    for number in range(4):
        drawing(51 + number, SIZE).convert("L").save(place / f"data/grey/{number}.png")
    _texts(place / "data")
    _sources(place / "sources")


def _pictures(folder):
    """Pictures with one flaw each."""
    image = drawing(1, SIZE)
    image.save(folder / "first.png")
    image.save(folder / "twin.png")
    image.resize((120, 90), Image.Resampling.LANCZOS).save(folder / "again.png")
    drawing(2, SIZE).save(folder / "again.jpg", quality=95)
    smiling = drawing(12, SIZE)
    smiling.save(folder / "smiling.png")
    ImageDraw.Draw(smiling).ellipse((70, 50, 100, 65), fill=(200, 40, 60))
    smiling.save(folder / "winking.png")
    drawing(3, (45, 45)).save(folder / "small.png")
    drawing(4, (280, 280)).save(folder / "huge.png")
    drawing(5, (320, 240)).filter(ImageFilter.GaussianBlur(3)).save(folder / "blurred.png")
    drawing(6, (320, 240)).save(folder / "blocks.jpg", quality=10)
    boxed = Image.new("RGB", (160, 160), "black")
    boxed.paste(drawing(7, SIZE), (0, 20))
    boxed.save(folder / "boxed.png")
    clear = drawing(8, SIZE).convert("RGBA")
    clear.paste((0, 0, 0, 0), (0, 0, 160, 30))
    clear.save(folder / "clear.png")
    drawing(9, SIZE).save(folder / "kind.png", "JPEG")  # a JPEG by its content: it is read as what it is


def _unreadable(folder):
    """What gives no picture, or one without words."""
    written = io.BytesIO()
    drawing(10, SIZE).save(written, "PNG")
    (folder / "cut.png").write_bytes(written.getvalue()[: len(written.getvalue()) // 2])
    (folder / "nothing.jpg").write_bytes(b"")
    (folder / "page.jpg").write_text("<!DOCTYPE html><title>404</title>\n", "utf-8")
    (folder / "bomb.png").write_bytes(_bomb())
    Image.new("L", SIZE, 255).save(folder / "gone.mask.png")
    drawing(11, SIZE).save(folder / "latin.png")


def _bomb():
    """A PNG that says it has 60,000 × 60,000 pixels."""
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes(1 << 16), 9)
    chunks = ((b"IHDR", head), (b"IDAT", body), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def _clothed(cape, armor):
    """Many shapes; masks of no use."""
    for number, size in enumerate([(192, 96), (96, 192), (224, 64), (64, 224), (288, 72)]):
        drawing(20 + number, size).save(cape / f"{number}.png")
    for name, colour in (("black", 0), ("grey", 128)):
        drawing(30 + colour, SIZE).save(cape / f"{name}.png")
        Image.new("L", SIZE, colour).save(cape / f"{name}.mask.png")
    for number, name in enumerate(("long", "huge")):
        drawing(40 + number, SIZE).save(cape / f"{name}.png")
    for number in range(8):
        drawing(60 + number, SIZE).save(armor / f"{number}.png")


def _texts(data):
    """What stands beside the pictures."""
    worn = {"cape": ", cape, belt, boots", "armor": ", armor, belt", "grey": ", greyscale"}
    for picture in sorted(data.glob("*/*.*")):
        if not picture.stem.endswith(".mask"):
            tags = f"{TAGS}{worn.get(picture.parent.name, '')}, scene_{picture.parent.name}_{picture.stem}"
            picture.with_suffix(".tags").write_text(tags, "utf-8")
    (data / "plain/latin.tags").write_bytes("1creature, h\xfctchen".encode("latin-1"))
    (data / "loose/silent.tags").write_text("", "utf-8")
    (data / "cape/long.tags").write_text(", ".join(f"tag_{number}" for number in range(100)), "utf-8")
    (data / "cape/huge.tags").write_text("hat" * 400, "utf-8")


def _sources(folder):
    """Archives that are damaged or lead out, and a list of what isn't there."""
    folder.mkdir()
    (folder / "broken.zip").write_bytes(b"PK\3\4 and nothing more\n")
    with zipfile.ZipFile(folder / "escape.zip", "w") as archive:
        for name, data in (("../evil.png", b"evil"), ("deep/empty.png", b""), ("bomb.png", _bomb())):
            archive.writestr(zipfile.ZipInfo(name), data)
        written = io.BytesIO()
        drawing(13, SIZE).save(written, "PNG")
        archive.writestr(zipfile.ZipInfo("good.png"), written.getvalue())
        archive.writestr(zipfile.ZipInfo("good.tags"), f"{TAGS}, scene_of_an_archive")
    (folder / "list.csv").write_text("path,caption\ngone.png,it is not there\nlist.csv,it is no picture\n", "utf-8")


if __name__ == "__main__":
    remake(PLACE)
