import math

import numpy as np
import onnxruntime
import pytest
import tiny_tagger
from PIL import Image

from lorabuild.core.errors import ProjectError, StageError
from lorabuild.schema.device import Device
from lorabuild.schema.site import Site
from lorabuild.schema.taggers import Wd14
from lorabuild.taggers import wd14
from lorabuild.taggers.tagger import Untagged

SETTINGS = Wd14(model="tagger")
RED = Image.new("RGB", (16, 16), (255, 0, 0))


def sigmoid(x):
    return round(1 / (1 + math.exp(-x)), 6)


def pictures(count, side=40):
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 256, (side + i, side, 3), np.uint8)) for i in range(count)]


@pytest.fixture
def load(site, tmp_path):
    def loaded(make=tiny_tagger.make, device=None, **words):
        make(tmp_path / "tagger", **words)
        here = Site(site.project.model_copy(update={"device": device or site.project.device}), site.root)
        return wd14.load(SETTINGS, here, 1)

    return loaded


def test_scores_of_a_red_picture(load):
    (scores,) = load().tag([RED])
    assert [score.tag for score in scores] == ["red", "1creature", "zorbl", "oddity", "general"]
    found = {score.tag: (score.score, score.category) for score in scores}
    assert found["red"][0] == pytest.approx(sigmoid(6), abs=2e-6)
    assert found["1creature"] == (pytest.approx(sigmoid(3), abs=2e-6), "general")
    assert found["general"] == (0.5, "rating")
    assert found["zorbl"][1] == "character"
    assert found["oddity"][1] == "other"


def test_what_is_below_the_floor_is_not_kept_and_the_rest_has_six_decimals(load):
    (scores,) = load().tag([RED])
    assert all(score.score >= 0.05 and score.score == round(score.score, 6) for score in scores)
    assert "faint" not in {score.tag for score in scores}
    assert "blue" not in {score.tag for score in scores}


def test_the_picture_is_padded_with_white(load):
    (scores,) = load().tag([Image.new("RGB", (4, 16), (0, 0, 0))])
    expected = sigmoid(tiny_tagger.SHARPNESS * 0.75 - tiny_tagger.SHARPNESS / 2)
    assert {score.tag: score.score for score in scores}["blue"] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
@pytest.mark.parametrize("side", [16, 24])
def test_side_and_layout_are_read_from_the_model(load, layout, side):
    (scores,) = load(layout=layout, side=side).tag([RED])
    assert scores[0].tag == "red"


@pytest.mark.parametrize("batch", ["batch", 1, 4])
def test_neighbours_order_and_company_change_no_bit(load, batch):
    tagger = load(tiny_tagger.convolutional, batch=batch)
    images = pictures(20)
    together = tagger.tag(images)
    assert len({tuple(scores) for scores in together}) == 20
    assert [tagger.tag([image])[0] for image in images] == together
    assert tagger.tag(images[::-1])[::-1] == together
    assert tagger.tag(images[3:10]) == together[3:10]


@pytest.mark.parametrize("batch", [1, 3, 32])
def test_the_setting_for_the_batch_changes_no_bit_on_a_cpu(load, batch):
    images = pictures(5)
    plain = load(tiny_tagger.convolutional).tag(images)
    tagger = load(tiny_tagger.convolutional, device=Device(type="cpu", batch=batch))
    assert tagger.tag(images) == plain
    assert "batch" not in tagger.record


def test_a_fixed_batch_is_respected_and_recorded(load):
    tagger = load(batch=4)
    assert tagger.batch == 4
    assert tagger.record["batch"] == 4
    assert [scores[0].tag for scores in tagger.tag([RED] * 6)] == ["red"] * 6


def test_the_record_says_where_and_by_what(load):
    record = load().record
    assert record["device"] == "cpu"
    assert record["threads"] == 1
    assert record["versions"]["onnxruntime"] == onnxruntime.__version__


def test_a_gpu_that_onnxruntime_does_not_know_leaves_the_cpu(load):
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime knows CUDA")
    tagger = load(device=Device(type="cuda"))
    assert tagger.record["device"] == "cpu"


def test_one_bad_picture_does_not_spoil_the_batch(load):
    class Broken(Image.Image):
        @property
        def size(self):
            raise OSError("broken data stream")

    found = load(batch=4).tag([RED, Broken(), RED])
    assert found[0] == found[2]
    assert isinstance(found[1], Untagged)
    assert "broken data stream" in found[1].why


def test_an_answer_that_is_no_number_sets_the_picture_aside(load):
    (found,) = load(bias=math.nan).tag([RED])
    assert isinstance(found, Untagged)


@pytest.mark.parametrize("data", [b"", b"<html>not found</html>", b"version https://git-lfs.github.com/spec/v1\n"])
def test_a_damaged_model_is_a_clear_error(load, site, tmp_path, data):
    load()
    (tmp_path / "tagger" / "model.onnx").write_bytes(data)
    with pytest.raises(ProjectError, match="can't be opened") as caught:
        wd14.load(SETTINGS, site, 1)
    assert caught.value.where.endswith("model.onnx")
    assert caught.value.next_step


def test_table_and_model_must_belong_together(load, site, tmp_path):
    load()
    with (tmp_path / "tagger" / "selected_tags.csv").open("a") as table:
        table.write("99,one_more,0,1\n")
    with pytest.raises(ProjectError, match=r"scores 8 tags, but selected_tags\.csv has 9 rows"):
        wd14.load(SETTINGS, site, 1)


def test_also_where_the_model_says_its_width_only_when_it_runs(load):
    tagger = load()
    tagger._rows = 9
    with pytest.raises(ProjectError, match="scores 8 tags"):
        tagger.tag([RED])


def test_a_model_that_fails_while_it_runs_is_a_stage_error(load):
    tagger = load()
    tagger._side = 17
    with pytest.raises(StageError, match="the tagger's model fails"):
        tagger.tag([RED])


def test_digests_are_of_everything_that_changes_scores(site, tmp_path):
    folder = tiny_tagger.make(tmp_path / "tagger")
    (folder / "model.onnx.data").write_bytes(b"weights")
    (folder / "README.md").touch()
    assert sorted(wd14.digests(SETTINGS, site)) == ["model.onnx", "model.onnx.data", "selected_tags.csv"]
    assert wd14.key_settings(SETTINGS) == {}


def test_a_model_by_its_file(load, site, tmp_path):
    load()
    (tmp_path / "tagger" / "model.onnx").rename(tmp_path / "tagger" / "other.onnx")
    found = wd14.digests(Wd14(model="tagger/other.onnx"), site)
    assert {name: path.name for name, path in found.items()} == {
        "model.onnx": "other.onnx",
        "selected_tags.csv": "selected_tags.csv",
    }
    assert wd14.load(Wd14(model="tagger/other.onnx"), site, 1).tag([RED]) == wd14.load(SETTINGS, site, 1).tag([RED])


@pytest.mark.parametrize(
    "rows",
    [
        [("general", 9), ("sensitive", 9), ("1creature", 0), ("zorbl", 4)],  # v2: 9083 rows, 9 first, then 0, then 4
        [("general", 9), ("1creature", 0), ("zorbl", 4), ("photo", 0)],  # v3: the same columns, other rows
    ],
)
def test_both_versions_of_the_family_are_read_by_their_tables(load, rows):
    (scores,) = load(rows=rows).tag([RED])
    kinds = {"9": "rating", "0": "general", "4": "character"}
    assert {score.tag: score.category for score in scores}.items() <= {n: kinds[str(k)] for n, k in rows}.items()
