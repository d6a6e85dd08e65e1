"""Some images more often than others, and all of them in two resolutions: only what is new is done, and told truly."""

import json

import pytest
import small
from safetensors import safe_open

WORDS = """\
images:
  resolution: 64
  more_resolutions: [96]
  for:
    - {match: "dataset/plain/b.png", repeats: 2}
    - {match: "dataset/cape/f.png", weight: 3, more_resolutions: []}
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The small project, captioned and with its latents, then with other words and all of it built."""
    folder = tmp_path_factory.mktemp("often")
    made = small.make(folder / "tiny", small.make_models(folder / "models"))
    made.write("regularization: {generate: {count: 2, steps: 2, prompts: [creature]}}\n", "")
    assert made.build("latents").code == 0
    made.write("images: {resolution: 64}\n", WORDS)
    made.write('prompts: ["zorbl, red"]', "prompts: []")
    result = made.build()
    assert result.code == 0, result.text
    return made, result


def test_only_the_new_resolution_is_encoded(built):
    _, result = built
    assert result.ran["latents"] == 6
    assert not {"prepare", "tag", "caption"} & result.ran.keys()


def test_the_file_says_what_was_trained(built):
    made, _ = built
    with safe_open(made.path(small.LORA), "np") as file:
        words = file.metadata()
    folders = json.loads(words["ss_dataset_dirs"])
    assert {name: one["img_count"] for name, one in folders.items()} == {
        "1_cape": 4, "1_plain": 6, "2_cape": 1, "2_plain": 2,
    }  # fmt: skip
    looks = sum(one["n_repeats"] * one["img_count"] for one in folders.values())
    assert int(words["ss_num_train_images"]) == looks
    sizes = [one["resolution"] for one in json.loads(words["ss_bucket_info"])["buckets"].values()]
    assert [64, 64] in sizes
    assert [96, 96] in sizes
    assert "ss_resolution" not in words
    low, high = json.loads(words["ss_datasets"])
    assert (low["resolution"], high["resolution"]) == ([64, 64], [96, 96])
    assert low["num_train_images"] + high["num_train_images"] == looks
    assert {image["img_count"] for image in high["subsets"]} == {2, 3, 1}


def test_the_plan_and_the_training_count_alike(built):
    made, result = built
    (table,) = result.events("table")
    with safe_open(made.path(small.LORA), "np") as file:
        words = file.metadata()
    assert int(words["ss_max_train_steps"]) == table["steps"]["optimizer"]
    assert sum(row["per_epoch"] for row in table["concepts"]) == int(words["ss_num_train_images"])


def test_a_weight_encodes_nothing(built):
    made, _ = built
    found = made.build("latents", "--set", "images.for.0.repeats=null", "--set", "images.for.0.weight=2")
    assert found.code == 0
    assert found.ran == {"balance": 1}
