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
    assert set(found.files) == set(source.PARTS["sd15"])
    assert not found.zero_terminal_snr
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


@pytest.mark.parametrize("part", source.PARTS["sd15"])
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
    with pytest.raises(ProjectError, match=r"is sdxl, while base\.family says sd15") as caught:
        source.locate(site(folder.parent, "base"))
    assert caught.value.next_step == "write `family: sdxl`"
    with pytest.raises(ProjectError, match="lacks tokenizer_2"):
        source.locate(site(folder.parent, "base", base={"family": "sdxl"}))


@pytest.mark.parametrize(("linear", "family"), [(False, "sd15"), (True, "sd2")])
def test_one_text_encoder_is_another_family_than_sdxl(folder, linear, family):
    config = folder / "unet/config.json"
    config.write_text(json.dumps(json.loads(config.read_text("utf-8")) | {"use_linear_projection": linear}), "utf-8")
    with pytest.raises(ProjectError, match=rf"is {family}, while base\.family says sdxl") as caught:
        source.locate(site(folder.parent, "base", base={"family": "sdxl"}))
    assert caught.value.next_step == f"write `family: {family}`"


def test_inpainting_folder_is_refused(folder):
    config = folder / "unet/config.json"
    config.write_text(json.dumps(json.loads(config.read_text("utf-8")) | {"in_channels": 9}), "utf-8")
    with pytest.raises(ProjectError, match=r"is an inpainting model, while base\.family says sd15"):
        source.locate(site(folder.parent, "base"))


def single(tmp_path, *names, **metadata):
    names = names or ("cond_stage_model.transformer.text_model.final_layer_norm.bias",)
    save_file({name: torch.zeros(1) for name in names}, tmp_path / "m.safetensors", metadata or None)
    return tmp_path / "m.safetensors"


def with_vocabulary(tmp_path, tiny, name="tokenizer"):
    shutil.copytree(tiny / "tokenizer", tmp_path / name)


def test_single_file_has_our_configs_and_a_tokenizer_beside_it(tmp_path, tiny):
    file = single(tmp_path)
    with_vocabulary(tmp_path, tiny)
    found = source.locate(site(tmp_path, "m.safetensors"))
    assert (found.kind, found.path, found.vae_factor, found.unet_factor) == ("file", file, 8, 8)
    assert found.files["unet"] == (source.CONFIGS / "sd15/unet/config.json", file)
    assert found.files["scheduler"] == (source.CONFIGS / "sd15/scheduler/scheduler_config.json",)
    assert found.files["tokenizer"][0].parent == tmp_path / "tokenizer"
    assert (found.prediction_type, found.zero_terminal_snr, found.pads) == ("epsilon", False, {})


def test_single_file_takes_the_tokenizer_of_the_hub_cache(tmp_path, tiny, cache):
    single(tmp_path)
    with pytest.raises(ProjectError, match="vocabulary") as caught:
        source.locate(site(tmp_path, "m.safetensors"))
    assert hub.CLIP in caught.value.next_step
    snapshot = cached_model(cache, tiny, "stable-diffusion-v1-5/stable-diffusion-v1-5")
    assert source.locate(site(tmp_path, "m.safetensors")).files["tokenizer"][0].parent == snapshot / "tokenizer"


@pytest.mark.parametrize("own", [False, True])
def test_single_sdxl_file(tmp_path, tiny, own):
    file = single(tmp_path, "conditioner.embedders.1.model.ln_final.bias", "v_pred", "ztsnr")
    with_vocabulary(tmp_path, tiny)
    if own:
        with_vocabulary(tmp_path, tiny, "tokenizer_2")
    found = source.locate(site(tmp_path, "m.safetensors", base={"family": "sdxl"}))
    assert found.files["text_encoder_2"] == (source.CONFIGS / "sdxl/text_encoder_2/config.json", file)
    assert found.files["tokenizer_2"][0].parent.name == ("tokenizer_2" if own else "tokenizer")
    assert (found.prediction_type, found.zero_terminal_snr) == ("v_prediction", True)
    assert (found.vae_factor, found.unet_factor, found.pads) == (8, 4, {"tokenizer_2": "!"})


def test_plain_sdxl_predicts_epsilon_and_lora_yaml_may_say_otherwise(tmp_path, tiny):
    single(tmp_path, "conditioner.embedders.1.model.ln_final.bias")
    with_vocabulary(tmp_path, tiny)

    def told(**base):
        found = source.locate(site(tmp_path, "m.safetensors", base={"family": "sdxl", **base}))
        return found.prediction_type, found.zero_terminal_snr

    assert told() == ("epsilon", False)
    assert told(prediction="v_prediction", zero_terminal_snr=True) == ("v_prediction", True)
    with pytest.raises(ProjectError, match="predicts epsilon") as caught:
        told(zero_terminal_snr=True)
    assert caught.value.where == "base.zero_terminal_snr"


def test_a_single_sd2_file_that_doesn_t_say_what_it_predicts_asks(tmp_path, tiny):
    with_vocabulary(tmp_path, tiny)
    sign = "cond_stage_model.model.ln_final.bias"
    single(tmp_path, sign)
    with pytest.raises(ProjectError, match="doesn't say what it predicts") as caught:
        source.locate(site(tmp_path, "m.safetensors", base={"family": "sd2"}))
    assert caught.value.where == "base.prediction"
    for word in ("epsilon", "v_prediction"):
        assert f"prediction: {word}" in caught.value.next_step
        found = source.locate(site(tmp_path, "m.safetensors", base={"family": "sd2", "prediction": word}))
        assert (found.prediction_type, found.pads) == (word, {"tokenizer": "!"})
    single(tmp_path, sign, **{"modelspec.architecture": "stable-diffusion-v2-768-v"})
    assert source.locate(site(tmp_path, "m.safetensors", base={"family": "sd2"})).prediction_type == "v_prediction"


def test_single_file_of_another_family(tmp_path):
    single(tmp_path, "conditioner.embedders.1.x")
    with pytest.raises(ProjectError, match=r"is sdxl, while base\.family says sd15") as caught:
        source.locate(site(tmp_path, "m.safetensors"))
    assert caught.value.next_step == "write `family: sdxl`"
    single(tmp_path, "double_blocks.0.x")
    with pytest.raises(ProjectError, match=r"is FLUX, while base\.family says sd15") as caught:
        source.locate(site(tmp_path, "m.safetensors"))
    assert caught.value.next_step == "give a model of that family"
    (tmp_path / "m.gguf").touch()
    with pytest.raises(ProjectError, match=r"m\.gguf is no \.safetensors file"):
        source.locate(site(tmp_path, "m.gguf"))


@pytest.mark.parametrize("place", ["vae2", "whole", "one.safetensors"])
def test_external_vae_takes_the_place_of_the_model_s(folder, tmp_path, place):
    at = {"vae2": "vae2", "whole": "whole/vae"}.get(place)
    file = folder / "vae/diffusion_pytorch_model.safetensors"
    if at:
        shutil.copytree(folder / "vae", tmp_path / at)
        wanted = (tmp_path / at / "config.json", tmp_path / at / file.name)
    else:
        wanted = (source.CONFIGS / "sd15/vae/config.json", Path(shutil.copy(file, tmp_path / place)))
    found, plain = (source.locate(site(tmp_path, "base", base={"vae": text})) for text in (place, None))
    assert found.files["vae"] == wanted
    assert {part: files for part, files in found.files.items() if part != "vae"} == {
        part: files for part, files in plain.files.items() if part != "vae"
    }
    assert found.vae_factor == (4 if at else 8)


@pytest.mark.parametrize(
    ("text", "said"),
    [("nowhere/", "no VAE at"), ("old.ckpt", r"old\.ckpt is a pickle"), ("no/where/at/all", "no VAE at")],
)
def test_external_vae_that_can_t_be_taken(folder, text, said):
    with pytest.raises(ProjectError, match=said) as caught:
        source.locate(site(folder.parent, "base", base={"vae": text}))
    assert caught.value.where == "base.vae"


@pytest.mark.parametrize(("word", "value"), [("latent_channels", 16), ("scaling_factor", 0.13025)])
def test_external_vae_of_another_family_is_refused(folder, tmp_path, word, value):
    shutil.copytree(folder / "vae", tmp_path / "other")
    config = tmp_path / "other/config.json"
    config.write_text(json.dumps(json.loads(config.read_text("utf-8")) | {word: value}), "utf-8")
    with pytest.raises(ProjectError, match=f"its {word} is {value}") as caught:
        source.locate(site(tmp_path, "base", base={"vae": "other"}))
    assert caught.value.where == "base.vae"


def test_external_vae_of_the_hub(folder, tiny, cache):
    where = site(folder.parent, "base", base={"vae": "some/vae"})
    assert source.is_missing(where)
    snapshot = cached_model(cache, tiny / "vae", "some/vae")
    assert not source.is_missing(where)
    assert source.locate(where).files["vae"][1] == snapshot / "diffusion_pytorch_model.safetensors"


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
