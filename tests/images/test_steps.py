import numpy as np
import pytest
from PIL import Image, ImageDraw
from small_onnx import answering

from lorabuild.core.digest import digest
from lorabuild.images import restoring, steps
from lorabuild.images.decode import UnreadableError
from lorabuild.images.steps import ChangedError, heavy, png, taken

SIZES = [[64, 64], [96, 32], [32, 96]]


def picture():
    image = Image.new("RGB", (120, 140), "#ffffff")
    ImageDraw.Draw(image).rectangle((20, 30, 99, 119), fill="#2840c8")
    ImageDraw.Draw(image).rectangle((40, 60, 60, 70), fill="#000000")
    return image


def mark(folder, *box, size=(120, 140), name="a.erase.png"):
    image = Image.new("L", size, 0)
    if box:
        ImageDraw.Draw(image).rectangle(box, fill=255)
    image.save(folder / name)
    return [str(folder / name), digest((folder / name).read_bytes())]


def test_without_steps_nothing_happens():
    course = taken(picture(), {}, "#ffffff")
    assert (course.moves, course.done, course.painted) == ((), [], False)


def test_steps_are_taken_in_their_order(tmp_path):
    asked = {"pad": "square", "trim": 0.2, "erase": "fill", "mark": mark(tmp_path, 38, 58, 62, 72)}
    course = taken(picture(), asked, "#ff0000")
    assert course.done == ["erase", "trim", "pad"]
    assert course.moves == (("cut", (20, 30, 100, 120)), ("pad", (5, 0, 5, 0)))
    assert course.image.size == (90, 90)
    assert course.image.getpixel((0, 0)) == (255, 0, 0)
    assert course.image.crop((5, 0, 85, 90)).getcolors() == [(80 * 90, (40, 64, 200))]


def test_a_box_is_cut_from_the_whole_and_not_trimmed():
    course = taken(picture(), {"trim": 0.2, "cut": ["box", 0, 0, 60, 400]}, "#ffffff")
    assert course.moves == (("cut", (0, 0, 60, 140)),)
    with pytest.raises(UnreadableError, match="lies outside"):
        taken(picture(), {"cut": ["box", 500, 0, 600, 10]}, "#ffffff")


def test_a_shape_is_cut_from_the_middle():
    assert taken(picture(), {"cut": ["shape", 1, 1]}, "#ffffff").moves == (("cut", (0, 10, 120, 130)),)


def test_a_person_is_given_or_found(tmp_path):
    given = taken(picture(), {"cut": ["person", "full_body", [40, 20, 80, 120]]}, "#ffffff")
    assert given.image.size == (48, 108)
    answer = np.zeros((1, 5, 8))
    answer[0, :, 3] = (32, 32, 20, 40, 0.9)
    model = str(answering(tmp_path / "p.onnx", answer))
    found = taken(picture(), {"cut": ["person", "portrait", None], "detector": model}, "#ffffff")
    assert found.done == ["crop"]
    assert found.image.height < 60


def test_where_nobody_is_the_picture_stays_whole():
    assert taken(picture(), {"cut": ["person", "portrait", None]}, "#ffffff").image.size == (120, 140)


def test_a_mark_that_changed_or_does_not_fit_is_told(tmp_path):
    place, _ = mark(tmp_path, 1, 1, 5, 5)
    with pytest.raises(ChangedError):
        taken(picture(), {"erase": "fill", "mark": [place, "b3:other"]}, "#ffffff")
    with pytest.raises(UnreadableError, match="60 x 60 pixels, not 120 x 140"):
        taken(picture(), {"erase": "fill", "mark": mark(tmp_path, 1, 1, 5, 5, size=(60, 60))}, "#ffffff")
    (tmp_path / "b.erase.png").write_bytes(b"none")
    broken = [str(tmp_path / "b.erase.png"), digest(b"none")]
    with pytest.raises(UnreadableError, match=r"b\.erase\.png can't be used"):
        taken(picture(), {"erase": "fill", "mark": broken}, "#ffffff")
    with pytest.raises(UnreadableError, match=r"crop\.json can't be used: no JSON"):
        taken(picture(), {"cut": ["broken", "no JSON"]}, "#ffffff")


def test_an_empty_mark_paints_nothing(tmp_path):
    assert not taken(picture(), {"erase": "fill", "mark": mark(tmp_path)}, "#ffffff").painted


def test_only_what_is_smaller_than_its_bucket_is_enlarged(monkeypatch):
    asked = []
    monkeypatch.setattr(restoring, "enlarged", lambda image, _, size: asked.append(size) or image.resize(size))
    assert not taken(picture(), {"upscale": "m", "sizes": SIZES}, "#ffffff").painted
    course = taken(picture().resize((30, 40)), {"upscale": "m", "sizes": SIZES}, "#ffffff")
    assert asked == [(64, 85)]
    assert course.moves == (("size", (64, 85)),)
    assert course.painted


def test_models_repair_and_complete(monkeypatch, tmp_path):
    monkeypatch.setattr(restoring, "restored", lambda image, _: image.point(lambda level: 255 - level))
    monkeypatch.setattr(restoring, "inpainted", lambda image, *_: image)
    asked = {"erase": "lama", "mark": mark(tmp_path, 1, 1, 5, 5), "restore": "m"}
    assert taken(picture(), asked, "#ffffff").done == ["erase", "restore"]


def test_borders_to_the_shape_of_the_bucket():
    course = taken(Image.new("RGB", (100, 40)), {"pad": "bucket", "sizes": SIZES}, "#ffffff")
    assert course.image.size == (120, 40)


def test_what_needs_a_model_is_known():
    assert not heavy({"trim": 0.2, "erase": "fill", "cut": ["box", 0, 0, 1, 1]})
    assert all(heavy({word: "a.onnx"}) for word in steps.MODELS)


def test_a_kept_picture_is_large_enough_to_be_a_file():
    assert len(png(Image.new("RGB", (4, 4)), 100)) > 100
    noise = Image.effect_noise((200, 200), 90)
    assert len(png(noise, 100)) < 60_000
