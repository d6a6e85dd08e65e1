"""A project in which nearly everything is wrong that ``lint`` knows of, and what it says of it."""

import light
from PIL import Image, ImageDraw, ImageFilter
from shapes import drawing

CAPTION = "1creature, hat, 1990s_(style)"
SECTIONS = {
    "concepts": {
        "plain": {"folder": "data/plain", "triggers": ["zorbl"]},
        "cape": {"folder": "data/cape", "triggers": ["zorbl", "zorbl_cape"]},
        "grey": {"folder": "data/grey", "triggers": []},
    },
    "images": {"resolution": 128, "masks": "side", "buckets": {"step": 32}},
    "budget": {"steps": 90, "epochs": 2},
    "training": {"batch": 4},
}
FOUND = {
    ("set-aside", "data/plain/broken.png"),
    ("shared-words", "data/plain/again.jpg"),
    ("too-small", "data/plain/small.png"),
    ("shrunk", "data/plain/huge.png"),
    ("blur", "data/plain/blurred.png"),
    ("jpeg", "data/plain/blocks.jpg"),
    ("letterbox", "data/plain/boxed.png"),
    ("alpha", "data/plain/clear.png"),
    ("black-mask", "data/cape/black.png"),
    ("grey-mask", "data/cape/grey.png"),
    ("monochrome", "grey"),
    ("duplicate", "data/plain/twin.png"),
    ("near-duplicate", "data/plain/again.png"),
    ("variant", "data/plain/first.png"),
    ("empty-caption", "data/grey/silent.png"),
    ("long-caption", "data/cape/long.png"),
    ("huge-caption", "data/cape/huge.png"),
    ("retro", "budget"),
    ("share-off", "plain"),
    ("share-off", "cape"),
    ("many-buckets", "images.buckets"),
    ("small-bucket", "64x224"),
    ("small-bucket", "96x160"),
    ("small-bucket", "160x96"),
    ("small-bucket", "224x64"),
    ("small-bucket", "256x64"),
    ("dominated", "zorbl"),
    ("too-few-images", "zorbl"),
    ("under-exposed", "zorbl"),
    ("under-exposed", "zorbl_cape"),
}


def make(root):
    """The project's folder."""
    light.base(root / "base")
    light.write(root, **SECTIONS)
    plain, cape, grey = (root / "data" / name for name in ("plain", "cape", "grey"))
    for folder in (plain, cape, grey):
        folder.mkdir(parents=True)
    _pictures(plain)
    for number, size in enumerate([(192, 96), (96, 192), (224, 64), (64, 224), (320, 80)]):
        drawing(20 + number, size).save(cape / f"{number}.png")
    for name, colour in (("black", 0), ("grey", 128)):
        drawing(30 + colour).save(cape / f"{name}.png")
        Image.new("L", (320, 240), colour).save(cape / f"{name}.mask.png")
    for number, name in enumerate(("long", "huge")):
        drawing(40 + number).save(cape / f"{name}.png")
    for number, name in enumerate(("silent", "a", "b")):
        drawing(50 + number).convert("L").save(grey / f"{name}.png")
    for picture in (root / "data").glob("*/*.*"):
        picture.with_suffix(".tags").write_text(CAPTION, "utf-8")
    for name in ("black.mask", "grey.mask"):
        (cape / f"{name}.tags").unlink()
    (grey / "silent.tags").write_text("", "utf-8")
    (cape / "long.tags").write_text(", ".join(f"tag_{number}" for number in range(100)), "utf-8")
    (cape / "huge.tags").write_text("hat" * 400, "utf-8")
    return root


def _pictures(folder):
    image = drawing(1)
    image.save(folder / "twin.png")
    image.save(folder / "first.png")
    image.resize((240, 180), Image.Resampling.LANCZOS).save(folder / "again.png")
    drawing(2).save(folder / "again.jpg", quality=95)
    winking = image.copy()
    ImageDraw.Draw(winking).ellipse((140, 100, 200, 130), fill=(200, 40, 60))
    winking.save(folder / "winking.png")
    drawing(3, (90, 90)).save(folder / "small.png")
    drawing(4, (560, 560)).save(folder / "huge.png")
    drawing(5).filter(ImageFilter.GaussianBlur(3)).save(folder / "blurred.png")
    drawing(6).save(folder / "blocks.jpg", quality=10)
    boxed = Image.new("RGB", (320, 320), "black")
    boxed.paste(drawing(7, (320, 240)), (0, 40))
    boxed.save(folder / "boxed.png")
    clear = drawing(8).convert("RGBA")
    clear.paste((0, 0, 0, 0), (0, 0, 320, 60))
    clear.save(folder / "clear.png")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
