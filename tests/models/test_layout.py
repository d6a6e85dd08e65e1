import json

import pytest

from lorabuild.core.errors import ProjectError
from lorabuild.models import layout


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"block_out_channels": [1, 2, 3]}), "utf-8")
    return tmp_path


def touch(folder, *names):
    for name in names:
        (folder / name).touch()


def test_full_precision_comes_before_half_and_a_whole_file_before_shards(folder):
    index, shard = "model.safetensors.index.json", "model-00001-of-00001.safetensors"
    touch(folder, shard, "model.fp16.safetensors")
    assert [path.name for path in layout.weights(folder, "model")] == ["model.fp16.safetensors"]
    (folder / index).write_text(json.dumps({"weight_map": {"a": shard}}), "utf-8")
    assert [path.name for path in layout.weights(folder, "model")] == [index, shard]
    touch(folder, "model.safetensors")
    assert [path.name for path in layout.weights(folder, "model")] == ["model.safetensors"]


@pytest.mark.parametrize(
    ("part", "names"),
    [
        ("text_encoder_2", ["config.json", "model.safetensors"]),
        ("vae", ["config.json", "diffusion_pytorch_model.safetensors"]),
        ("scheduler", ["scheduler_config.json"]),
        ("tokenizer_2", ["vocab.json", "merges.txt", "special_tokens_map.json"]),
    ],
)
def test_files_of_a_part(folder, part, names):
    touch(folder, *names, "something.else")
    assert [path.name for path in layout.files(folder, part)] == names


def test_pickles_and_missing_files_say_where(folder):
    with pytest.raises(ProjectError, match=r"has no model\.safetensors") as caught:
        layout.weights(folder, "model", "base.vae")
    assert (caught.value.where, caught.value.next_step) == ("base.vae", layout.AGAIN)
    touch(folder, "pytorch_model.bin")
    with pytest.raises(ProjectError, match="is a pickle") as caught:
        layout.weights(folder, "model", "base.vae")
    assert caught.value.where == "base.vae"
    with pytest.raises(ProjectError, match=r"lacks .*/scheduler_config\.json"):
        layout.files(folder, "scheduler")
    with pytest.raises(ProjectError, match="neither"):
        layout.files(folder, "tokenizer")


def test_every_block_but_the_last_halves_a_side(folder):
    assert layout.factor(folder / "config.json") == 4
