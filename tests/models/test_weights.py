import shutil

import pytest
import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline, StableDiffusionXLPipeline, UNet2DConditionModel
from original import CLASSES, miniature, opened, parts, tensors, write
from safetensors.torch import load_file, save_file
from sites import site

from lorabuild.core.errors import ProjectError
from lorabuild.models import source, weights

PARTS = ("unet", "vae", "text_encoder")
OLD = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}


@pytest.fixture
def located(tiny):
    return source.locate(site(tiny.parent, tiny))


@pytest.fixture(scope="module", params=CLASSES)
def family(request, folders):
    """A family's word, its miniature, and all parts of that."""
    folder = folders[request.param]
    located = source.locate(site(folder.parent, folder, base={"family": request.param}))
    return request.param, folder, {name: opened(located, name, torch.float32) for name in parts(request.param)}


def assert_equal(a, b):
    a, b = dict(a), dict(b)
    assert a.keys() == b.keys()
    for name, tensor in a.items():
        assert torch.equal(tensor, b[name]), name
        assert tensor.stride() == b[name].stride(), name


@pytest.mark.parametrize("part", PARTS)
def test_parts_come_frozen_and_without_dropout(located, part):
    module = opened(located, part, torch.float32)
    assert not module.training
    assert not any(parameter.requires_grad for parameter in module.parameters())
    assert {parameter.dtype for parameter in module.parameters()} == {torch.float32}
    assert all(found.p == 0 for found in module.modules() if isinstance(found, torch.nn.Dropout))
    assert not any(tensor.is_meta for tensor in (*module.parameters(), *module.buffers()))


@pytest.mark.parametrize("part", PARTS)
def test_dtype(located, part):
    module = opened(located, part, torch.bfloat16)
    assert {parameter.dtype for parameter in module.parameters()} == {torch.bfloat16}


def test_opening_draws_no_random_number(located):
    before = torch.get_rng_state()
    opened(located, "unet", torch.float32)
    assert torch.equal(before, torch.get_rng_state())


def test_folders_give_what_the_libraries_read(family):
    word, folder, modules = family
    for name, module in modules.items():
        theirs = type(module).from_pretrained(folder / name)
        assert_equal(module.state_dict(), theirs.state_dict())
        assert_equal(module.named_buffers(), theirs.named_buffers())
    assert parts(word).keys() == {*source.PARTS[word]} - {"tokenizer", "tokenizer_2", "scheduler"}


def halved(folder, part, name):
    file = folder / part / f"{name}.safetensors"
    held = {key: tensor.half() for key, tensor in load_file(file).items()}
    save_file(held, folder / part / f"{name}.fp16.safetensors")
    file.unlink()
    return held


def test_fp16_variant(tiny, tmp_path):
    folder = shutil.copytree(tiny, tmp_path / "half")
    held = halved(folder, "unet", "diffusion_pytorch_model")
    halved(folder, "text_encoder", "model")
    located = source.locate(site(tmp_path, "half"))
    modules = {part: opened(located, part, torch.float32) for part in PARTS}
    assert_equal(modules["unet"].state_dict(), {name: tensor.float() for name, tensor in held.items()})


def test_shards(located, tiny, tmp_path):
    folder = shutil.copytree(tiny, tmp_path / "sharded")
    theirs = UNet2DConditionModel.from_pretrained(tiny / "unet")
    shutil.rmtree(folder / "unet")
    theirs.save_pretrained(folder / "unet", max_shard_size="40KB")
    again = source.locate(site(tmp_path, "sharded"))
    assert len(again.files["unet"]) > 3
    assert_equal(opened(again, "unet", torch.float32).state_dict(), theirs.state_dict())
    again.files["unet"][-1].unlink()
    with pytest.raises(ProjectError, match=r"base model lacks unet/diffusion_pytorch_model-0"):
        source.locate(site(tmp_path, "sharded"))


def test_text_encoder_saved_by_older_transformers(located, tiny, tmp_path):
    folder = shutil.copytree(tiny, tmp_path / "older")
    file = folder / "text_encoder/model.safetensors"
    held = {f"text_model.{name.removeprefix('text_model.')}": tensor for name, tensor in load_file(file).items()}
    save_file(held | {"text_model.embeddings.position_ids": torch.arange(77)[None]}, file, {"format": "pt"})
    older = opened(source.locate(site(tmp_path, "older")), "text_encoder", torch.float32)
    assert_equal(older.state_dict(), opened(located, "text_encoder", torch.float32).state_dict())


def test_original_file_gives_the_same_weights_as_the_folder(family, tmp_path, monkeypatch):
    word, folder, modules = family
    file = source.locate(write(folder, word, tmp_path, modules, monkeypatch, v_pred=torch.zeros(0)))
    for name, module in modules.items():
        again = opened(file, name, torch.float32)
        assert not again.training
        assert_equal(again.state_dict(), module.state_dict())
    assert opened(file, "text_encoder", torch.bfloat16).dtype == torch.bfloat16


PIPELINES = {"sd15": StableDiffusionPipeline, "sd2": StableDiffusionPipeline, "sdxl": StableDiffusionXLPipeline}


def test_original_file_is_read_alike_by_diffusers(family, tmp_path, monkeypatch):
    word, folder, modules = family
    write(folder, word, tmp_path, modules, monkeypatch)
    file = str(tmp_path / "tiny.safetensors")
    theirs = PIPELINES[word].from_single_file(file, config=str(folder), local_files_only=True)
    for name, module in modules.items():
        assert_equal(module.state_dict(), getattr(theirs, name).state_dict())


def test_original_file_without_text_model_in_its_names(located, tiny, tmp_path, monkeypatch):
    modules = {part: opened(located, part, torch.float32) for part in PARTS}
    where = write(tiny, "sd15", tmp_path, modules, monkeypatch)
    held = {name.replace("text_model.", ""): tensor for name, tensor in tensors(modules, "sd15").items()}
    save_file({name: tensor.contiguous() for name, tensor in held.items()}, tmp_path / "tiny.safetensors")
    again = opened(source.locate(where), "text_encoder", torch.float32)
    assert_equal(again.state_dict(), modules["text_encoder"].state_dict())


def test_openclip_s_last_layer_is_left_where_the_config_has_one_less(tmp_path, monkeypatch):
    whole = miniature("sd2", tmp_path / "whole", layers=4)
    located = source.locate(site(tmp_path, whole, base={"family": "sd2"}))
    modules = {part: opened(located, part, torch.float32) for part in PARTS}
    short = miniature("sd2", tmp_path / "short", layers=3)
    file = source.locate(write(short, "sd2", tmp_path, modules, monkeypatch))
    held = opened(file, "text_encoder", torch.float32).state_dict()
    wanted = {name: tensor for name, tensor in modules["text_encoder"].state_dict().items() if "layers.3." not in name}
    assert_equal(held, wanted)


def vae_file(tmp_path, held):
    file = tmp_path / "vae.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in held.items()}, file)
    return file


def spelled(name):
    for now, then in OLD.items():
        name = name.replace(f".{now}.", f".{then}.")
    return name


@pytest.mark.parametrize("spelling", ["folder", "model", "diffusers", "old", "original", "prefixed"])
def test_external_vae(tiny, tmp_path, monkeypatch, spelling):
    torch.manual_seed(5)
    other = AutoencoderKL.from_config(AutoencoderKL.load_config(tiny / "vae"))
    original = tensors({"vae": other}, "sd15")
    if spelling in ("folder", "model"):
        other.save_pretrained(tmp_path / "other" / ("" if spelling == "folder" else "vae"))
    held = {
        "diffusers": other.state_dict(),
        "old": {spelled(name): tensor for name, tensor in other.state_dict().items()},
        "original": {name.removeprefix("first_stage_model."): tensor for name, tensor in original.items()},
        "prefixed": original,
    }.get(spelling)
    shutil.copytree(tiny, tmp_path / "configs/sd15", ignore=shutil.ignore_patterns("*.safetensors"))
    monkeypatch.setattr(source, "CONFIGS", tmp_path / "configs")
    text = str(vae_file(tmp_path, held)) if held else "other"
    located = source.locate(site(tmp_path, tiny, base={"vae": text}))
    assert_equal(opened(located, "vae", torch.float32).state_dict(), other.state_dict())
    assert located.files["vae"][1].is_relative_to(tmp_path)


def test_file_that_doesn_t_fit_is_refused(located, tiny, tmp_path, monkeypatch):
    modules = {"text_encoder": opened(located, "text_encoder", torch.float32)}
    where = write(tiny, "sd15", tmp_path, modules, monkeypatch)
    held = load_file(tmp_path / "tiny.safetensors")
    held.pop("cond_stage_model.transformer.text_model.final_layer_norm.bias")
    save_file(held, tmp_path / "tiny.safetensors")
    file = source.locate(where)
    said = r"text_encoder of .*tiny\.safetensors can't be loaded: it lacks cond_stage_model\S+final_layer_norm\.bias\n"
    with pytest.raises(ProjectError, match=said):
        opened(file, "text_encoder", torch.float32)
    with pytest.raises(ProjectError, match=r"the vae of .* it lacks .* and \d+ more"):
        opened(file, "vae", torch.float32)


def test_weights_of_another_size_are_refused(tiny, tmp_path):
    folder = shutil.copytree(tiny, tmp_path / "wide")
    file = folder / "unet/diffusion_pytorch_model.safetensors"
    save_file(load_file(file) | {"conv_in.weight": torch.zeros(8, 9, 3, 3)}, file)
    with pytest.raises(ProjectError, match=r"the unet of .*size mismatch for conv_in\.weight"):
        opened(source.locate(site(tmp_path, "wide")), "unet", torch.float32)


def test_damaged_weights_are_refused(tiny, tmp_path):
    folder = shutil.copytree(tiny, tmp_path / "damaged")
    (folder / "vae/diffusion_pytorch_model.safetensors").write_bytes(b"no tensors")
    with pytest.raises(ProjectError, match="the vae of"):
        opened(source.locate(site(tmp_path, "damaged")), "vae", torch.float32)


def test_tokenizer(located, tiny, tmp_path):
    tokenizer = weights.open_tokenizer(located, "tokenizer")
    assert len(tokenizer) == 514
    folder = shutil.copytree(tiny, tmp_path / "wordless")
    (folder / "tokenizer/vocab.json").write_text('{"<|startoftext|>": 0, "<|endoftext|>": 1}', "utf-8")
    with pytest.raises(ProjectError, match="empty vocabulary"):
        weights.open_tokenizer(source.locate(site(tmp_path, "wordless")), "tokenizer")


@pytest.mark.parametrize(("word", "part"), [("sd2", "tokenizer"), ("sdxl", "tokenizer_2")])
def test_openclip_pads_with_its_own_word_in_a_single_file_too(word, part, folders, tmp_path, monkeypatch):
    folder = folders[word]
    located = source.locate(site(tmp_path, folder, base={"family": word}))
    modules = {name: opened(located, name, torch.float32) for name in parts(word)}
    file = source.locate(write(folder, word, tmp_path, modules, monkeypatch))
    for found in (located, file):
        tokenizer = weights.open_tokenizer(found, part)
        assert (tokenizer.pad_token, tokenizer.pad_token_id) == ("!", 0)
    if word == "sdxl":
        assert weights.open_tokenizer(file, "tokenizer").pad_token == "<|endoftext|>"
