import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorabuild.publish import dataset, gather
from lorabuild.publish.facts import resolution
from lorabuild.schema.project import Project

TAGS = st.dictionaries(st.text(max_size=3), st.integers(1, 50), max_size=8)
TABLES = st.dictionaries(st.sampled_from("abc"), TAGS, max_size=3)


def test_folders_are_named_as_the_standard_trainer_names_them(run):
    words = dataset.words(run)
    assert json.loads(words["ss_dataset_dirs"]) == {
        "3_plain": {"n_repeats": 3, "img_count": 8},
        "6_cape": {"n_repeats": 6, "img_count": 4},
    }
    assert json.loads(words["ss_reg_dataset_dirs"]) == {"1_prior": {"n_repeats": 1, "img_count": 6}}


def test_looks_count_repeats(run):
    words = dataset.words(run)
    assert (words["ss_num_train_images"], words["ss_num_reg_images"]) == ("48", "6")
    assert words["ss_num_batches_per_epoch"] == "24"
    assert "ss_num_batches_per_epoch" not in dataset.words(replace(run, batches=None))


def test_buckets_hold_every_look(run):
    info = json.loads(dataset.words(run)["ss_bucket_info"])
    assert info["buckets"]["0"] == {"resolution": [48, 80], "count": 2 * 3 + 6}
    assert sum(bucket["count"] for bucket in info["buckets"].values()) == 48 + 6
    wide, high = abs(80 / 48 - 96 / 64), abs(48 / 80 - 64 / 96)
    assert info["mean_img_ar_error"] == pytest.approx((4 * wide + 3 * high) / 18)


def test_tags_are_counted_once_an_image_without_repeats(run):
    table = dataset.tag_table((*run.images, replace(run.images[0], caption="zorbl, zorbl,  , grass ")))
    assert table["3_plain"]["zorbl"] == 9
    assert table["3_plain"]["grass"] == 3
    assert "" not in table["3_plain"]
    assert list(table["3_plain"])[:2] == ["zorbl", "limbs"]
    assert table["6_cape"]["zorbl_cape"] == 4


def test_an_image_in_two_resolutions_is_looked_at_in_both_and_tagged_once(run):
    further = replace(run.images[0], id="b", bucket=(96, 96), again=True)
    told = replace(run, images=(*run.images, further))
    words = dataset.words(told)
    assert int(words["ss_num_train_images"]) == 48 + further.repeats
    assert json.loads(words["ss_dataset_dirs"])["3_plain"] == {"n_repeats": 3, "img_count": 9}
    assert dataset.tag_table(told.images) == dataset.tag_table(run.images)


@pytest.mark.parametrize(
    ("images", "text"),
    [
        ([], 0),
        ([(6, 0)], 6),
        ([(6, 0), (2, 0)], "2–6"),
        ([(6, 0), (6, 1)], "6 × 2"),
        ([(6, 0), (2, 0), (2, 1)], "2–6 × 1–2"),
    ],
)
def test_repeats_in_words(run, images, text):
    shown = [replace(run.images[0], repeats=repeats, again=bool(again)) for repeats, again in images]
    assert gather.repeated(shown) == text


def test_resolutions_in_words(build):
    images = {"resolution": 64, "more_resolutions": [32], "for": [{"match": "a", "resolution": 96}]}
    assert resolution(Project.model_validate(build["project"] | {"images": images})) == "32 and 64 and 96 px"


def test_several_resolutions_are_datasets(project, run):
    assert dataset.resolutions(project, run) == {"ss_resolution": "(64, 64)"}
    larger = [replace(image, resolution=96) for image in run.images]
    assert dataset.resolutions(project, replace(run, images=larger, priors=())) == {"ss_resolution": "(96, 96)"}
    both = [replace(image, resolution=64 if image.concept == "cape" else 96) for image in run.images]
    priors = [replace(prior, resolution=64) for prior in run.priors]
    (words,) = dataset.resolutions(project, replace(run, images=both, priors=priors)).values()
    small, large = json.loads(words)
    assert (small["resolution"], small["num_train_images"], small["num_reg_images"]) == ([64, 64], 24, 6)
    assert (large["resolution"], large["num_train_images"], large["num_reg_images"]) == ([96, 96], 24, 0)
    assert sum(bucket["count"] for bucket in small["bucket_info"]["buckets"].values()) == 24 + 6
    assert large["subsets"] == [{"image_dir": "3_plain", "img_count": 8, "num_repeats": 3, "is_reg": False}]
    assert small["subsets"][1] == {"image_dir": "1_prior", "img_count": 6, "num_repeats": 1, "is_reg": True}


def test_the_order_of_the_images_changes_nothing(run):
    turned = replace(run, images=run.images[::-1])
    assert dataset.words(turned) == dataset.words(run)
    assert json.dumps(dataset.tag_table(turned.images)) == json.dumps(dataset.tag_table(run.images))


@given(TABLES, st.integers(0, 30))
def test_trimming_keeps_the_most_frequent(table, keep):
    kept = dataset.trim(table, keep)
    assert kept.keys() == table.keys()
    assert dataset.entries(kept) == min(keep, dataset.entries(table))
    shown = [count for tags in kept.values() for count in tags.values()]
    gone = [count for name, tags in table.items() for tag, count in tags.items() if tag not in kept[name]]
    assert not shown or not gone or min(shown) >= max(gone)
