"""Exports: what another trainer finds in the folder is what this one trains, and nothing of a person's is touched."""

import io
import json
import tomllib
import unicodedata

import light
import pytest
from PIL import Image

from lorabuild.core.digest import digest
from lorabuild.core.errors import ProjectError
from lorabuild.core.lease import leased
from lorabuild.graph import exported_forms
from lorabuild.graph.exporting import Export, mask_of, put, reading
from lorabuild.graph.session import STORE
from lorabuild.schema import kohya_export


def pixel(path, place=(0, 0)):
    """Mode, size and one pixel of an image."""
    with Image.open(path) as image:
        return image.mode, image.size, image.getpixel(place)


@pytest.fixture
def built(project):
    """Captioned: plain has a, b and c (d is a's twin), cape has e."""
    light.built(project, targets=("caption",))
    return project


def export(root, to, form="kohya", *overrides, originals=True, write=True):
    with light.viewed(root, *overrides) as view:
        if form == "kohya":
            made = exported_forms.kohya(view, to, originals=originals)
        else:
            made = exported_forms.imagefolder(view, originals=originals)
        if write:
            put(made, to, view)
    return made


def names(to):
    return sorted(path.relative_to(to).as_posix() for path in to.rglob("*") if path.is_file())


def test_folders_captions_and_settings(built, tmp_path):
    to = tmp_path / "out"
    made = export(built, to)
    assert names(to) == [
        *("config.toml", "dataset.toml"),
        *(f"img/2_plain creature/{name}.{ending}" for name in "abc" for ending in ("png", "txt")),
        *("img/6_cape creature/e.png", "img/6_cape creature/e.txt", "sample_prompts.txt"),
    ]
    assert made.counts == [("plain", 3, 2), ("cape", 1, 6)]
    assert (to / "img/2_plain creature/a.txt").read_text("utf-8") == "zorbl, hat\n"
    assert (to / "img/6_cape creature/e.txt").read_text("utf-8") == "zorbl, zorbl_cape, a creature in a cape\n"
    assert (to / "img/2_plain creature/a.png").read_bytes() == (built / "data/plain/a.png").read_bytes()
    dataset = tomllib.loads((to / "dataset.toml").read_text("utf-8"))["datasets"][0]
    assert [(one["image_dir"], one["num_repeats"], one["keep_tokens"]) for one in dataset["subsets"]] == [
        ("img/2_plain creature", 2, 1),
        ("img/6_cape creature", 6, 2),
    ]
    assert (dataset["resolution"], dataset["min_bucket_reso"], dataset["max_bucket_reso"]) == (64, 32, 128)
    config = tomllib.loads((to / "config.toml").read_text("utf-8"))
    assert (config["max_train_epochs"], config["dataset_config"]) == (2, "dataset.toml")
    assert (to / config["pretrained_model_name_or_path"]).resolve() == (built / "base").resolve()
    assert (to / "sample_prompts.txt").read_text("utf-8").splitlines()[0].startswith("zorbl --w 64 --h 64 --s 20")
    assert any("copy of others" in note for note in made.notes)


def test_images_with_other_repeats_and_resolutions_have_folders_of_their_own(built, tmp_path):
    some = [
        {"match": "data/plain/b.png", "repeats": 5},
        {"match": "data/plain/c.png", "repeats": 5, "more_resolutions": [128]},
    ]
    made = export(built, tmp_path / "out", "kohya", f"images.for={json.dumps(some)}")
    assert made.counts == [("plain", 1, 5), ("plain", 1, 5), ("plain", 1, 1), ("cape", 1, 6)]
    assert {name.partition("/")[2] for name in names(tmp_path / "out") if name.endswith("png")} == {
        *("1_plain creature/a.png", "5_plain creature/c.png", "5_plain creature-2/b.png", "6_cape creature/e.png"),
    }
    datasets = tomllib.loads((tmp_path / "out/dataset.toml").read_text("utf-8"))["datasets"]
    assert [(one["resolution"], one["max_bucket_reso"]) for one in datasets] == [(64, 128), (128, 256)]
    assert [len(one["subsets"]) for one in datasets] == [4, 1]
    assert datasets[1]["subsets"][0] == datasets[0]["subsets"][0]


def test_an_imagefolder(built, tmp_path):
    made = export(built, tmp_path / "out", "imagefolder")
    lines = [json.loads(line) for line in (tmp_path / "out/metadata.jsonl").read_text("utf-8").splitlines()]
    assert lines[0] == {"file_name": "plain/a.png", "text": "zorbl, hat"}
    assert all((tmp_path / "out" / line["file_name"]).is_file() for line in lines)
    assert names(tmp_path / "out") == sorted([*(line["file_name"] for line in lines), "metadata.jsonl"])
    assert any("repeats have no place" in note for note in made.notes)


def test_nothing_is_replaced_and_nothing_stays_half_written(built, tmp_path):
    to = tmp_path / "out"
    (to / "img/2_plain creature").mkdir(parents=True)
    (to / "img/2_plain creature/b.txt").write_text("mine", "utf-8")
    with pytest.raises(ProjectError, match=r"b\.txt is there already"):
        export(built, to)
    assert names(to) == ["img/2_plain creature/b.txt"]
    files = {"new/a": lambda: b"a", "new/b": lambda: (_ for _ in ()).throw(ProjectError("no"))}
    with light.viewed(built) as view, pytest.raises(ProjectError, match="no"):
        put(Export(files), tmp_path / "half", view)
    assert not (tmp_path / "half").exists()


def test_what_is_exported_would_not_be_trained(built):
    with pytest.raises(ProjectError, match="lies in the folder of `plain`"):
        export(built, built / "data/plain/out")
    export(built, built / "given")
    assert "scan" not in light.redone(built)


def test_a_dry_run_writes_nothing(built, tmp_path):
    made = export(built, tmp_path / "out", write=False)
    assert "config.toml" in made.files
    assert not (tmp_path / "out").exists()


def test_captions_must_be_made_first(project, tmp_path):
    with pytest.raises(ProjectError, match="has no up-to-date caption") as caught:
        export(project, tmp_path / "out")
    assert "build caption" in caught.value.next_step


def test_an_image_that_changes_meanwhile_is_not_exported(built, tmp_path):
    with light.viewed(built) as view:
        made = exported_forms.kohya(view, tmp_path / "out", originals=True)
        light.picture(built / "data/plain/b.png", "yellow")
        with pytest.raises(ProjectError, match="was changed since its caption was made"):
            put(made, tmp_path / "out", view)
    assert not (tmp_path / "out").exists()


def test_captions_are_read_under_a_lease(built):
    with light.viewed(built) as view:
        with reading(view) as rows:
            held, _ = leased(built / STORE)
            texts = {row.caption for found in rows.values() for row in found}
        assert {digest(text.encode()) for text in texts} <= held
        assert leased(built / STORE)[0] == set()


def test_names_that_would_share_a_text_get_a_number(project, tmp_path):
    light.picture(project / "data/plain/deep/a.png", "pink")
    light.picture(project / "data/plain/deep-a.png", "gold")
    light.picture(project / "data/plain/a.jpg", "navy")
    (project / "data/plain/deep-a.tags").write_text("sun", "utf-8")
    light.built(project, targets=("caption",))
    export(project, tmp_path / "out")
    found = {name.rpartition("/")[2] for name in names(tmp_path / "out") if "plain" in name}
    assert found >= {"a.png", "a.jpg", "a.txt", "deep-a.png", "deep-a-2.png", "deep-a.txt", "deep-a-2.txt"}


ASCENDING = {
    *("color_aug", "face_crop_aug_range", "flip_aug", "num_repeats", "random_crop", "shuffle_caption", "keep_tokens"),
    *("keep_tokens_separator", "secondary_separator", "caption_separator", "enable_wildcard", "token_warmup_min"),
    *("token_warmup_step", "caption_prefix", "caption_suffix", "custom_attributes", "resize_interpolation"),
    *("caption_dropout_every_n_epochs", "caption_dropout_rate", "caption_tag_dropout_rate", "caption_extension"),
}
DATASET = {
    *("batch_size", "bucket_no_upscale", "bucket_reso_steps", "enable_bucket", "max_bucket_reso", "min_bucket_reso"),
    *("validation_seed", "validation_split", "resolution", "network_multiplier", "resize_interpolation", "subsets"),
}
PLAIN, CONDITIONED = {"image_dir", "is_reg", "alpha_mask", "class_tokens"}, {"image_dir", "conditioning_data_dir"}
"""Which words the standard trainer takes at which level of a dataset.toml (sd-scripts 48d368fa)."""


@pytest.mark.parametrize("masks", ["none", "side", "alpha"])
def test_every_word_stands_where_that_trainer_takes_it(project, tmp_path, masks):
    Image.new("L", (64, 64), 40).save(project / "data/plain/b.mask.png")
    light.picture(project / "reg/x.png", "olive")
    said = {"caption_shuffle": True, "caption_dropout": 0.1, "token_warmup": {"min": 1, "steps": 0.5}}
    training = {**said, "validation": {"share": 0.2}, "caption_prefix": "good,", "batch": 3}
    light.write(project, images={"resolution": 64, "masks": masks}, regularization={"folder": "reg"}, training=training)
    light.built(project, targets=("caption",))
    export(project, tmp_path / "out")
    found = tomllib.loads((tmp_path / "out/dataset.toml").read_text("utf-8"))
    assert found["general"].keys() <= ASCENDING
    assert found["datasets"][0].keys() <= DATASET
    allowed = ASCENDING | (CONDITIONED if masks == "side" else PLAIN)
    assert all(one.keys() <= allowed for one in found["datasets"][0]["subsets"])
    assert len(found["datasets"][0]["subsets"]) == (2 if masks == "side" else 3)


@pytest.fixture
def masked(project):
    """A mask beside one image."""
    Image.new("L", (64, 64), 40).save(project / "data/plain/b.mask.png")
    light.write(project, images={"resolution": 64, "masks": "side"})
    light.built(project, targets=("caption",))
    return project


def test_masks_lie_beside_for_originals(masked, tmp_path):
    export(masked, tmp_path / "out")
    masks = {
        name: Image.open(tmp_path / "out/masks/2_plain creature" / f"{name}.png").getpixel((0, 0)) for name in "ab"
    }
    assert masks == {"a": 255, "b": 40}
    assert tomllib.loads((tmp_path / "out/config.toml").read_text("utf-8"))["masked_loss"] is True
    dataset = tomllib.loads((tmp_path / "out/dataset.toml").read_text("utf-8"))["datasets"][0]
    assert dataset["subsets"][0]["conditioning_data_dir"] == "masks/2_plain creature"


def test_masks_are_the_alpha_of_prepared_images(masked, tmp_path):
    export(masked, tmp_path / "out", originals=False)
    plain, hidden = (pixel(tmp_path / f"out/img/2_plain creature/{name}.png") for name in "ab")
    assert (plain[0], hidden[0], hidden[2][3]) == ("RGB", "RGBA", 40)
    dataset = tomllib.loads((tmp_path / "out/dataset.toml").read_text("utf-8"))["datasets"][0]
    assert all(one["alpha_mask"] is True for one in dataset["subsets"])
    with light.viewed(masked) as view, reading(view) as rows:
        assert [mask_of(view, row) is not None for row in rows["plain"]] == [False, True, False]


def test_regularization_images_go_along(project, tmp_path):
    light.picture(project / "reg/1_cat/x.png", "olive")
    light.write(project, regularization={"folder": "reg/1_cat"})
    light.built(project, targets=("caption",))
    export(project, tmp_path / "out")
    assert (tmp_path / "out/reg/1_cat/x.txt").read_text("utf-8") == "\n"
    subsets = tomllib.loads((tmp_path / "out/dataset.toml").read_text("utf-8"))["datasets"][0]["subsets"]
    assert subsets[-1] == {"image_dir": "reg/1_cat", "num_repeats": 1, "is_reg": True, "class_tokens": "cat"}


def test_regularization_images_that_the_base_drew_go_along(project, tmp_path, monkeypatch):
    light.write(project, regularization={"generate": {"count": 3, "prompts": ["a cat", "a dog"]}})
    light.built(project, targets=("caption",))
    assert any("3 regularization images aren't drawn yet" in note for note in export(project, tmp_path / "early").notes)
    drawn = light.picture(tmp_path / "drawn.png", "olive").read_bytes()
    monkeypatch.setitem(light.PLANTED, "latents", ({"latents": b"numbers", "picture": drawn}, {}))
    with light.viewed(project) as view:
        light.plant(view, "latents")
    made = export(project, tmp_path / "out")
    assert not any("drawn" in note for note in made.notes)
    place = tmp_path / "out/reg/1_creature"
    assert [(place / f"{name}.txt").read_text("utf-8") for name in ("0001", "0002", "0003")] == [
        *("a cat\n", "a dog\n", "a cat\n")
    ]
    assert (place / "0003.png").read_bytes() == drawn
    subsets = tomllib.loads((tmp_path / "out/dataset.toml").read_text("utf-8"))["datasets"][0]["subsets"]
    assert subsets[-1] == {"image_dir": "reg/1_creature", "num_repeats": 1, "is_reg": True, "class_tokens": "creature"}


def test_prepared_images_of_one_name_stay_apart_with_their_captions_and_masks(project, tmp_path):
    for ending, colour in (("jpg", "navy"), ("webp", "gold")):
        light.picture(project / f"data/cape/e.{ending}", colour)  # beside e.png: all read e.txt
    Image.new("L", (64, 64), 40).save(project / "data/plain/b.mask.png")
    light.picture(project / "data/plain/b.jpg", "pink")
    light.write(project, images={"resolution": 64, "masks": "side"})
    light.built(project, targets=("caption",))
    export(project, tmp_path / "prepared", originals=False)
    export(project, tmp_path / "folder", "imagefolder", originals=False)
    (cape,) = (tmp_path / "prepared/img").glob("*_cape creature")
    assert {path.stem: pixel(path)[2][:3] for path in cape.glob("*.png")}.keys() == {"e", "e-2", "e-3"}
    assert len({pixel(path)[2][:3] for path in cape.glob("*.png")}) == 3
    assert len({path.read_text("utf-8") for path in cape.glob("*.txt")}) == 1
    assert len(list(cape.glob("*.txt"))) == 3
    assert len({pixel(path)[2][:3] for path in (tmp_path / "folder/cape").glob("*.png")}) == 3
    export(project, tmp_path / "out")
    (masks,) = (tmp_path / "out/masks").glob("*_plain creature")
    shown = {path.stem: Image.open(path).getpixel((0, 0)) for path in masks.glob("b*.png")}
    assert shown == {"b": 40, "b-2": 40}  # a mask belongs to every picture of its name


def test_names_that_are_too_long_or_one_elsewhere_stay_apart(project, tmp_path):
    deep = project / "data/plain" / "/".join("d" * 60 for _ in range(5))
    for name in ("x.png", "y.png"):
        light.picture(deep / name, "pink" if name == "x.png" else "gold")
    for name, colour in (("e\u0301.png", "navy"), ("\u00e9.png", "olive"), ("\u00c9.png", "teal")):
        light.picture(project / "data/plain" / name, colour)
        (project / "data/plain" / name).with_suffix(".tags").write_text(colour, "utf-8")
    light.built(project, targets=("caption",))
    export(project, tmp_path / "out")
    found = [path.stem for path in (tmp_path / "out/img").glob("*_plain creature/*.png")]
    assert len(found) == len({unicodedata.normalize("NFC", name.casefold()) for name in found}) == 8
    assert all(len(name.encode()) <= 200 for name in found)


def test_what_stays_behind_stands_in_the_file(built, tmp_path):
    made = export(built, tmp_path / "out", "kohya", "training.p2_gamma=1")
    assert made.left == {"training.p2_gamma": "it has no such word"}
    assert "#   training.p2_gamma: it has no such word" in (tmp_path / "out/config.toml").read_text("utf-8")
    assert kohya_export.SUBSET.isdisjoint(kohya_export.DATASET)


def test_prepared_images_are_upright(project, tmp_path):
    image, turned = Image.new("RGB", (64, 32), "red"), Image.Exif()
    turned[0x0112] = 6
    written = io.BytesIO()
    image.save(written, "JPEG", exif=turned)
    (project / "data/cape/t.jpg").write_bytes(written.getvalue())
    light.built(project, targets=("caption",))
    export(project, tmp_path / "out", originals=False)
    (found,) = (tmp_path / "out/img").glob("*_cape creature/t.png")
    assert pixel(found)[1] == (32, 64)
