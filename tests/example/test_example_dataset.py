"""The committed training pictures: drawn by the script, rightly tagged, and as the example needs them."""

import csv
import itertools

import numpy as np
import onnxruntime
import pytest
from judge import HEADS, is_new_creature, judge
from make import tagger
from make.captions import all_tags_of
from make.dataset import HERE as EXAMPLE
from make.dataset import cape_entries, plain_entries, write
from PIL import Image

FOLDERS = {"plain": plain_entries(), "cape": cape_entries()}
EVERY = [(folder, entry) for folder, entries in FOLDERS.items() for entry in entries]


def rgba(file):
    with Image.open(file) as image:
        return image.convert("RGBA")


def mode(file):
    with Image.open(file) as image:
        return image.mode


def opened(file):
    """Flat on white, 64x64, RGB."""
    image = rgba(file)
    flat = Image.new("RGBA", image.size, "white")
    flat.alpha_composite(image)
    return np.asarray(flat.convert("RGB").resize((64, 64), Image.Resampling.BICUBIC))


@pytest.fixture(scope="module")
def pictures():
    return np.stack([opened(EXAMPLE / "dataset" / folder / entry.name) for folder, entry in EVERY])


def test_the_script_writes_the_committed_files(tmp_path):
    for folder, entries in FOLDERS.items():
        write(tmp_path / folder, entries)
        committed = EXAMPLE / "dataset" / folder
        assert {file.name for file in committed.iterdir()} == {file.name for file in (tmp_path / folder).iterdir()}
        for file in committed.iterdir():
            made = tmp_path / folder / file.name
            if file.suffix == ".txt":
                assert made.read_text(encoding="utf-8") == file.read_text(encoding="utf-8")
                continue
            one, other = (np.asarray(rgba(path), dtype=int) for path in (file, made))
            assert np.abs(one - other).max() <= (4 if file.suffix == ".jpg" else 0)


def test_the_set_has_what_the_example_shows():
    assert [len(entries) for entries in FOLDERS.values()] == [13, 8]
    files = [file for folder in FOLDERS for file in (EXAMPLE / "dataset" / folder).iterdir()]
    assert {file.suffix for file in files} == {".png", ".webp", ".jpg", ".txt"}
    images = [file for file in files if file.suffix != ".txt"]
    assert len(files) - len(images) == 2
    assert sum(mode(file) == "RGBA" for file in images) == 1
    pixels = [rgba(file).tobytes() for file in images]
    same = [
        (a.name, b.name) for (a, p), (b, q) in itertools.combinations(zip(images, pixels, strict=True), 2) if p == q
    ]
    assert [set(pair) for pair in same] == [{"04.png", "13.png"}]
    assert len({file.read_bytes() for file in images}) == len(images)


def test_only_the_cape_tells_the_concepts_apart():
    for entries in (plain_entries()[:-1], cape_entries()):
        for field, value in (("size", "big"), ("limbs", True)):
            assert sum(getattr(entry.spec, field) == value for entry in entries) * 2 == len(entries)


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
    for (_, entry), share in zip(EVERY, shares, strict=True):
        said = {row["name"] for row, one in zip(rows, share, strict=True) if one > 0.35 and row["category"] != "9"}
        assert said == set(all_tags_of(entry.spec))


def test_the_judge_knows_the_new_creature_and_its_cape(pictures):
    found = judge(pictures)
    assert all(is_new_creature(found))
    assert found["cape"] == ["yes" if folder == "cape" else "no" for folder, _ in EVERY]
    assert found["size"] == [entry.spec.size for _, entry in EVERY]


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
