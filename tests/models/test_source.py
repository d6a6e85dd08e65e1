import json
import shutil
import subprocess
import sys
from pathlib import Path

import huggingface_hub.constants
import pytest
import torch
from safetensors.torch import save_file
from sites import site

from lorabuild.core.errors import LorabuildError, ProjectError
from lorabuild.models import hub, source

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def folder(tiny, tmp_path):
    return Path(shutil.copytree(tiny, tmp_path / "base"))


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def cached_model(cache, tiny, repo="some/model"):
    home = cache / f"models--{repo.replace('/', '--')}"
    (home / "refs").mkdir(parents=True)
    (home / "refs" / "main").write_text(COMMIT, "utf-8")
    shutil.copytree(tiny, home / "snapshots" / COMMIT)
    return home / "snapshots" / COMMIT


def test_folder_relative_to_the_project(folder):
    found = source.locate(site(folder.parent, "base/"))
    assert (found.kind, found.path, found.family, found.revision) == ("folder", folder, "sd15", None)
    assert (found.vae_factor, found.unet_factor, found.prediction_type) == (4, 8, "epsilon")
    assert set(found.files) == set(source.PARTS)
    assert found.files["unet"] == (
        folder / "unet/config.json",
        folder / "unet/diffusion_pytorch_model.safetensors",
    )
    assert found.files["scheduler"] == (folder / "scheduler/scheduler_config.json",)
    assert [path.name for path in found.files["tokenizer"]][:2] == ["vocab.json", "merges.txt"]
    assert all(path.is_file() for paths in found.files.values() for path in paths)


def test_planning_a_folder_imports_nothing_heavy(folder):
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path; from sites import site;"
        "from lorabuild.models.source import locate; locate(site(Path(sys.argv[2]), 'base'));"
        "sys.exit(bool({'torch', 'numpy', 'diffusers', 'transformers', 'huggingface_hub'} & set(sys.modules)))"
    )
    tests = Path(__file__).parents[1]
    command = [sys.executable, "-c", program, str(tests), str(folder.parent)]
    assert subprocess.run(command, check=False, cwd=tests.parent).returncode == 0


def test_fp16_weights_are_taken_where_no_others_are(folder):
    (folder / "unet/diffusion_pytorch_model.safetensors").rename(
        folder / "unet/diffusion_pytorch_model.fp16.safetensors"
    )
    found = source.locate(site(folder.parent, "base"))
    assert found.files["unet"][1].name == "diffusion_pytorch_model.fp16.safetensors"


def test_shards_and_their_index(folder):
    whole = folder / "unet/diffusion_pytorch_model.safetensors"
    shard = whole.rename(folder / "unet/diffusion_pytorch_model-00001-of-00001.safetensors")
    index = folder / "unet/diffusion_pytorch_model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": shard.name, "b": shard.name}}), "utf-8")
    assert source.locate(site(folder.parent, "base")).files["unet"][1:] == (index, shard)
    shard.unlink()
    with pytest.raises(ProjectError, match="00001-of-00001"):
        source.locate(site(folder.parent, "base"))


def test_pickles_are_refused(folder):
    (folder / "vae/diffusion_pytorch_model.safetensors").rename(folder / "vae/diffusion_pytorch_model.bin")
    with pytest.raises(ProjectError, match=r"diffusion_pytorch_model\.bin is a pickle") as caught:
        source.locate(site(folder.parent, "base"))
    assert "safetensors" in caught.value.next_step
    with pytest.raises(ProjectError, match=r"old\.ckpt is a pickle"):
        source.locate(site(folder.parent, "old.ckpt"))


@pytest.mark.parametrize("part", source.PARTS)
def test_incomplete_folder(folder, part):
    shutil.rmtree(folder / part)
    with pytest.raises(ProjectError, match=f"lacks {part}"):
        source.locate(site(folder.parent, "base"))


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("vae/config.json", "lacks vae/config.json"),
        ("tokenizer/merges.txt", "tokenizer"),
        ("text_encoder/model.safetensors", "no model.safetensors"),
    ],
)
def test_missing_file(folder, path, said):
    (folder / path).unlink()
    with pytest.raises(ProjectError, match=said):
        source.locate(site(folder.parent, "base"))


def test_broken_config(folder):
    (folder / "vae/config.json").write_text("{", "utf-8")
    with pytest.raises(ProjectError, match="no valid JSON"):
        source.locate(site(folder.parent, "base"))


def test_second_text_encoder_is_another_family(folder):
    (folder / "text_encoder_2").mkdir()
    with pytest.raises(ProjectError, match="SDXL"):
        source.locate(site(folder.parent, "base"))


def single(tmp_path, name="cond_stage_model.transformer.text_model.final_layer_norm.bias"):
    save_file({name: torch.zeros(1)}, tmp_path / "m.safetensors")
    return tmp_path / "m.safetensors"


def test_single_file_has_our_configs_and_a_tokenizer_beside_it(tmp_path, tiny):
    file = single(tmp_path)
    shutil.copytree(tiny / "tokenizer", tmp_path / "tokenizer")
    found = source.locate(site(tmp_path, "m.safetensors"))
    assert (found.kind, found.path, found.vae_factor, found.unet_factor) == ("file", file, 8, 8)
    assert found.files["unet"] == (source.CONFIGS / "sd15/unet/config.json", file)
    assert found.files["scheduler"] == (source.CONFIGS / "sd15/scheduler/scheduler_config.json",)
    assert found.tokenizer == tmp_path / "tokenizer"


def test_single_file_takes_the_tokenizer_of_the_hub_cache(tmp_path, tiny, cache):
    single(tmp_path)
    with pytest.raises(ProjectError, match="vocabulary") as caught:
        source.locate(site(tmp_path, "m.safetensors"))
    assert hub.CLIP in caught.value.next_step
    snapshot = cached_model(cache, tiny, "stable-diffusion-v1-5/stable-diffusion-v1-5")
    assert source.locate(site(tmp_path, "m.safetensors")).tokenizer == snapshot / "tokenizer"


def test_single_file_of_another_family(tmp_path):
    single(tmp_path, "conditioner.embedders.0.x")
    with pytest.raises(ProjectError, match=r"is SDXL, while base\.family says sd15"):
        source.locate(site(tmp_path, "m.safetensors"))
    (tmp_path / "m.gguf").touch()
    with pytest.raises(ProjectError, match=r"m\.gguf is no \.safetensors file"):
        source.locate(site(tmp_path, "m.gguf"))


def test_hub_model_in_the_cache(tmp_path, tiny, cache):
    snapshot = cached_model(cache, tiny)
    for text in ("some/model", f"some/model@{COMMIT}"):
        found = source.locate(site(tmp_path, text))
        assert (found.kind, found.path, found.revision) == ("folder", snapshot, COMMIT)


def test_what_is_nowhere_says_what_to_do(tmp_path, cache):
    assert not cache.exists()
    with pytest.raises(ProjectError, match="neither a path in this project nor a hub model") as caught:
        source.locate(site(tmp_path, "some/model"))
    assert "hf download some/model" in caught.value.next_step
    with pytest.raises(ProjectError, match=r"there is no model at '\./nowhere/at/all'"):
        source.locate(site(tmp_path, "./nowhere/at/all"))


def test_fetch_downloads_what_is_missing_and_no_pickles(tmp_path, tiny, cache, monkeypatch):
    asked = []

    def snapshot_download(repo, *, revision, allow_patterns):
        asked.append((repo, revision, allow_patterns))
        found = cache / "models--some--model"
        return str(found / "snapshots" / COMMIT if found.exists() else cached_model(cache, tiny))

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    assert source.fetch(site(tmp_path, "some/model")).revision == COMMIT
    assert asked[0][:2] == ("some/model", "main")
    assert not any(word.endswith((".bin", ".ckpt")) or word == "*" for word in asked[0][2])


def test_fetch_takes_fp16_where_there_is_nothing_else(tmp_path, tiny, cache, monkeypatch):
    snapshot = cached_model(cache, tiny)
    weights = snapshot / "unet/diffusion_pytorch_model.safetensors"
    aside = weights.rename(tmp_path / "later")

    def snapshot_download(_repo, *, revision, allow_patterns):
        assert revision == "main"
        if any("fp16" in word for word in allow_patterns):
            shutil.copy(aside, snapshot / "unet/diffusion_pytorch_model.fp16.safetensors")
        return str(snapshot)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    assert "fp16" in source.fetch(site(tmp_path, "some/model")).files["unet"][1].name


def test_failing_download_is_one_sentence(tmp_path, cache, monkeypatch):
    assert not cache.exists()

    def snapshot_download(*_args, **_words):
        raise OSError("no route to host")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    with pytest.raises(LorabuildError, match="some/model@v2 can't be downloaded: no route"):
        source.fetch(site(tmp_path, "some/model@v2"))


def test_fetch_of_a_local_model_stays_local(folder):
    assert source.fetch(site(folder.parent, "base")).path == folder


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("owner/name", hub.HubName("owner/name", "main")),
        ("o.w-n/na.me@refs/pr/1", hub.HubName("o.w-n/na.me", "refs/pr/1")),
        ("name", None),
        ("../owner/name", None),
        ("./a", None),
        ("a/b/c", None),
    ],
)
def test_hub_ids(text, parsed):
    assert hub.parse(text) == parsed
