"""The committed training pictures: drawn by the script, rightly tagged, and as the example needs them."""

import csv
import json

import numpy as np
import onnxruntime
import pytest
from judge import HEADS, is_new_creature, judge
from make import tagger
from make.captions import all_tags_of
from make.dataset import EDGE, cape_entries, plain_entries, sheet_specs, write, write_sheet
from make.dataset import HERE as EXAMPLE
from PIL import Image, ImageOps

FOLDERS = {"plain": plain_entries(), "cape": cape_entries()}
EVERY = [(folder, entry) for folder, entries in FOLDERS.items() for entry in entries]
SPECS = [*((folder, entry.spec) for folder, entry in EVERY), *(("plain", spec) for spec in sheet_specs())]
"""Folder and spec of every training picture: those of the files, then those of the sheet."""


def rgba(file):
    with Image.open(file) as image:
        return image.convert("RGBA")


def mode(file):
    with Image.open(file) as image:
        return image.mode


def opened(image):
    """Flat on white, 64x64, RGB."""
    flat = Image.new("RGBA", image.size, "white")
    flat.alpha_composite(image)
    return np.asarray(flat.convert("RGB").resize((64, 64), Image.Resampling.BICUBIC))


def trained(folder, entry):
    """The committed file as it is trained: without its paper, its signature still on it."""
    image = rgba(EXAMPLE / "dataset" / folder / entry.name)
    return ImageOps.crop(image, EDGE) if entry.look == "paper" else image


@pytest.fixture(scope="module")
def pictures():
    sheet = rgba(EXAMPLE / "dataset/plain/sheet.png")
    boxes = json.loads((EXAMPLE / "dataset/plain/sheet.crop.json").read_text("utf-8"))
    return np.stack([opened(trained(*one)) for one in EVERY] + [opened(sheet.crop(box)) for box in boxes])


def test_the_script_writes_the_committed_files(tmp_path):
    for folder, entries in FOLDERS.items():
        write(tmp_path / folder, entries)
        if folder == "plain":
            write_sheet(tmp_path / folder)
        committed = EXAMPLE / "dataset" / folder
        assert {file.name for file in committed.iterdir()} == {file.name for file in (tmp_path / folder).iterdir()}
        for file in committed.iterdir():
            made = tmp_path / folder / file.name
            if file.suffix in (".txt", ".json"):
                assert made.read_text(encoding="utf-8") == file.read_text(encoding="utf-8")
                continue
            one, other = (np.asarray(rgba(path), dtype=int) for path in (file, made))
            assert np.abs(one - other).max() <= (4 if file.suffix == ".jpg" else 0)


def test_the_set_has_what_the_example_shows():
    assert [len(entries) for entries in FOLDERS.values()] == [14, 12]
    files = [file for folder in FOLDERS for file in (EXAMPLE / "dataset" / folder).iterdir()]
    assert {file.suffix for file in files} == {".png", ".webp", ".jpg", ".txt", ".json"}
    images = [file for file in files if file.suffix not in (".txt", ".json")]
    assert len(images) == 14 + 12 + 2  # the sheet, and where the signature is
    assert sum(mode(file) == "RGBA" for file in images) == 1
    assert len({rgba(file).tobytes() for file in images}) == len(images)
    assert sorted(entry.look for _, entry in EVERY if entry.look) == ["cut out", "paper", "signed"]


def test_only_the_cape_tells_the_concepts_apart():
    for name in FOLDERS:
        specs = [spec for folder, spec in SPECS if folder == name]
        for field, value in (("size", "big"), ("limbs", True)):
            assert sum(getattr(spec, field) == value for spec in specs) * 2 == len(specs)


def test_the_tagger_is_laid_out_like_wd14_and_right_about_every_picture(pictures):
    folder = EXAMPLE / "models" / "tagger"
    with (folder / "selected_tags.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == ["tag_id", "name", "category", "count"]
    assert [(row["name"], int(row["category"])) for row in rows] == tagger.tag_rows()
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), providers=["CPUExecutionProvider"])
    (taken,) = session.get_inputs()
    assert taken.shape[1:] == [64, 64, 3]
    (shares,) = session.run(None, {taken.name: pictures[..., ::-1].astype(np.float32)})
    assert shares.shape == (len(pictures), len(rows))
    for (_, spec), share in zip(SPECS, shares, strict=True):
        said = {row["name"] for row, one in zip(rows, share, strict=True) if one > 0.35 and row["category"] != "9"}
        assert said == set(all_tags_of(spec))


def test_the_judge_knows_the_new_creature_and_its_cape(pictures):
    found = judge(pictures)
    assert all(is_new_creature(found))
    assert found["cape"] == ["yes" if folder == "cape" else "no" for folder, _ in SPECS]
    assert found["size"] == [spec.size for _, spec in SPECS]


def test_the_judge_is_right_about_unseen_drawings():
    specs, drawn = tagger.drawings(256, 2 * 10**7)
    found = judge(drawn.permute(0, 2, 3, 1).byte().numpy())
    wanted = np.array([tagger.judge_answers(spec) for spec in specs])
    assert HEADS == tagger.HEADS
    for column, (head, labels) in enumerate(HEADS.items()):
        right = [labels.index(label) == number for label, number in zip(found[head], wanted[:, column], strict=True)]
        assert np.mean(np.array(right)[wanted[:, column] >= 0]) >= 0.98, head


def test_the_models_of_the_tests_are_small():
    assert (EXAMPLE / "models" / "tagger" / "model.onnx").stat().st_size < 600_000
    assert (EXAMPLE.parent / "tests" / "data" / "judge.onnx").stat().st_size < 400_000
