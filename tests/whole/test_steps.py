"""Steps from the file to what is trained on: only the picture that changes is done again, and nothing of a person's."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import small
import torch
from PIL import Image, ImageDraw
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).parents[1] / "images"))  # small_onnx.py

from small_onnx import brightness

STEPS = (
    "images: {resolution: 64, trim: 0.2, erase: fill, masks: side, "
    'for: [{match: "dataset/plain/b*", crop: [whole, boxes]}]}'
)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The small project with a border, a mark and a mask at ``a``, and two boxes at ``b``."""
    folder = tmp_path_factory.mktemp("steps")
    made = small.make(folder / "tiny", small.make_models(folder / "models"))
    image = Image.new("RGB", (120, 140), "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((20, 30, 99, 119), fill=(40, 60, 200))
    draw.rectangle((45, 100, 60, 110), fill="black")
    image.save(made.path("dataset/plain/a.png"))
    _mark(made, 43)
    mask = Image.new("L", (120, 140), 255)
    mask.paste(0, (0, 0, 60, 140))
    mask.save(made.path("dataset/plain/a.mask.png"))
    made.path("dataset/plain/b.crop.json").write_text("[[0, 0, 40, 40], [10, 10, 60, 60]]")
    assert made.build("caption", "--set", "images.trim=0").code == 0
    made.write("images: {resolution: 64}", STEPS)
    result = made.build("latents")
    assert result.code == 0, result.text
    return made, result


def _mark(made, left):
    mark = Image.new("L", (120, 140), 0)
    ImageDraw.Draw(mark).rectangle((left, 98, 62, 112), fill=255)
    mark.save(made.path("dataset/plain/a.erase.png"))


def opened(path):
    with Image.open(path) as image:
        return image.copy()


def seen(made):
    return {row["path"]: row for row in json.loads(made.run("status", "--json").text)["images"]}


def test_every_picture_is_as_its_steps_say(built):
    made, _ = built
    found = seen(made)
    assert (found["dataset/plain/a.png"]["width"], found["dataset/plain/a.png"]["height"]) == (80, 90)
    sizes = {path: row["width"] for path, row in found.items() if "b.png" in path}
    assert sizes == {
        "dataset/plain/b.png [whole]": 64,
        "dataset/plain/b.png [box 1]": 40,
        "dataset/plain/b.png [box 2]": 50,
    }
    assert not made.build("latents").ran


def test_an_edited_side_file_redoes_its_picture(built, tmp_path):
    made = built[0].copy(tmp_path / "copy")
    assert not made.build("latents").ran
    before = made.inputs()
    made.path("dataset/plain/b.crop.json").write_text("[[0, 0, 40, 40], [10, 10, 50, 60]]")
    assert made.build("latents").ran["prepare"] == 1
    _mark(made, 40)
    ran = made.build("latents").ran
    assert ran["prepare"] == 1
    assert ran.get("tag", 0) <= 1
    made.path("dataset/plain/b.crop.json").write_text("[[0, 0, 40]]")
    broken = made.build("latents")
    assert "b.png" in str(broken.said[-1]["aside"])
    assert "left, top, right, bottom" in str(broken.said[-1]["aside"])
    edited = {"dataset/plain/b.crop.json", "dataset/plain/a.erase.png"}
    after = made.inputs()
    assert {name: data for name, data in after.items() if name not in edited} == {
        name: data for name, data in before.items() if name not in edited
    }


def test_what_is_exported_is_what_is_trained_on(built, tmp_path):
    made, _ = built
    assert made.run("export", "imagefolder", str(tmp_path / "out")).code == 0
    found = {path.name: opened(path) for path in (tmp_path / "out/plain").glob("*.png")}
    assert found["a.png"].size == (80, 90)
    assert found["a.png"].mode == "RGBA"
    assert found["a.png"].convert("RGB").getpixel((32, 75)) == (40, 60, 200)
    assert found["a.png"].getpixel((10, 10))[3] == 0
    assert found["a.png"].getpixel((70, 10))[3] == 255
    cut = {name: image.size for name, image in found.items() if name.startswith("b")}
    assert cut == {"b-whole.png": (64, 64), "b-box-1.png": (40, 40), "b-box-2.png": (50, 50)}


def test_plan_shows_the_buckets_and_what_few_of_them_crop(built):
    made, _ = built
    text = made.run("plan").text
    assert "bucket" in text
    assert "cropped" in text
    few = json.loads(made.run("plan", "--json", "--set", "images.buckets.few=1").text)
    assert [row["size"] for row in few["buckets"]] == [[64, 64]]
    assert few["few"]["cropped"] > few["few"]["of_all"]


class Twice(torch.nn.Module):
    """Stands in for a model that spandrel would load: every pixel becomes four."""

    def forward(self, image):
        return image.repeat_interleave(2, 2).repeat_interleave(2, 3)


def test_models_paint_masks_and_pictures_that_are_kept(built, tmp_path, monkeypatch):
    made = built[0].copy(tmp_path / "copy")
    brightness(made.path("u2net.onnx"))
    save_file({"a": torch.zeros(1)}, made.path("2x.safetensors"))
    loader = SimpleNamespace(load_from_state_dict=lambda _: Opened(Twice()))
    monkeypatch.setitem(sys.modules, "spandrel", SimpleNamespace(ModelLoader=lambda device: loader))
    words = [
        "--set",
        "images.masks=model",
        "--set",
        "images.mask_model=u2net.onnx",
        "--set",
        "images.upscale=2x.safetensors",
    ]
    first = made.build("latents", *words)
    assert first.code == 0, first.text
    assert [one["item"] for one in first.said[-1]["aside"]] == ["dataset/plain/a.mask.png"]
    assert not made.build("latents", *words).ran
    rows = {row["path"]: row for row in json.loads(made.run("status", "--json", *words).text)["images"]}
    cut = rows["dataset/plain/b.png [box 1]"]
    assert cut["steps"] == ["crop", "upscale"]
    assert (cut["width"], cut["height"]) == (64, 64)
    assert made.run("export", "imagefolder", str(tmp_path / "out"), *words).code == 0
    exported = opened(tmp_path / "out/plain/b-box-1.png")
    assert (exported.size, exported.mode) == ((64, 64), "RGBA")


class Opened:
    """As spandrel's descriptor: called with pictures, it knows its model and scale."""

    scale = 2

    def __init__(self, model):
        self.model = model

    def __call__(self, image):
        return self.model(image)
