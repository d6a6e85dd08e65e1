import shutil

import pytest
import torch
from ldm import checkpoint
from safetensors.torch import load_file, save_file
from sites import site

from lorabuild.core.errors import ProjectError
from lorabuild.models import source, weights

PARTS = ("unet", "vae", "text_encoder")


@pytest.fixture
def located(tiny):
    return source.locate(site(tiny.parent, tiny))


@pytest.mark.parametrize("part", PARTS)
def test_parts_come_frozen_and_without_dropout(located, part):
    module = weights.open_part(located, part, torch.float32)
    assert not module.training
    assert not any(parameter.requires_grad for parameter in module.parameters())
    assert {parameter.dtype for parameter in module.parameters()} == {torch.float32}
    assert all(found.p == 0 for found in module.modules() if isinstance(found, torch.nn.Dropout))
    assert not any(tensor.is_meta for tensor in (*module.parameters(), *module.buffers()))


@pytest.mark.parametrize("part", PARTS)
def test_dtype(located, part):
    module = weights.open_part(located, part, torch.bfloat16)
    assert {parameter.dtype for parameter in module.parameters()} == {torch.bfloat16}


def halved(folder, part, name):
    file = folder / part / f"{name}.safetensors"
    save_file(
        {key: tensor.half() for key, tensor in load_file(file).items()}, folder / part / f"{name}.fp16.safetensors"
    )
    file.unlink()


def test_fp16_variant(tiny, tmp_path):
    folder = shutil.copytree(tiny, tmp_path / "half")
    halved(folder, "unet", "diffusion_pytorch_model")
    halved(folder, "text_encoder", "model")
    located = source.locate(site(tmp_path, "half"))
    for part in PARTS:
        assert weights.open_part(located, part, torch.float32) is not None


def test_text_encoder_saved_by_older_transformers(located, tiny, tmp_path):
    folder = shutil.copytree(tiny, tmp_path / "older")
    file = folder / "text_encoder/model.safetensors"
    held = {f"text_model.{name.removeprefix('text_model.')}": tensor for name, tensor in load_file(file).items()}
    save_file(held, file, {"format": "pt"})
    older = weights.open_part(source.locate(site(tmp_path, "older")), "text_encoder", torch.float32)
    now = weights.open_part(located, "text_encoder", torch.float32)
    assert all(torch.equal(a, b) for a, b in zip(older.parameters(), now.parameters(), strict=True))


def test_original_file_gives_the_same_weights_as_the_folder(located, tiny, tmp_path, monkeypatch):
    modules = {part: weights.open_part(located, part, torch.float32) for part in PARTS}
    held = checkpoint(*(modules[part].state_dict() for part in PARTS))
    held["cond_stage_model.transformer.text_model.embeddings.position_ids"] = torch.arange(77)[None]
    save_file({name: tensor.contiguous() for name, tensor in held.items()}, tmp_path / "tiny.safetensors")
    shutil.copytree(tiny / "tokenizer", tmp_path / "tokenizer")
    shutil.copytree(tiny, tmp_path / "configs/sd15", ignore=shutil.ignore_patterns("*.safetensors"))
    monkeypatch.setattr(source, "CONFIGS", tmp_path / "configs")
    file = source.locate(site(tmp_path, "tiny.safetensors"))
    for part, module in modules.items():
        opened = weights.open_part(file, part, torch.float32)
        assert not opened.training
        held = module.state_dict()
        assert opened.state_dict().keys() == held.keys()
        assert all(torch.equal(tensor, held[name]) for name, tensor in opened.state_dict().items())
    assert weights.open_part(file, "text_encoder", torch.bfloat16).dtype == torch.bfloat16


def test_file_that_doesn_t_fit_is_refused(located, tiny, tmp_path, monkeypatch):
    encoder = weights.open_part(located, "text_encoder", torch.float32).state_dict()
    encoder.pop("final_layer_norm.bias")
    save_file({f"{weights.PREFIX}text_model.{k}": v for k, v in encoder.items()}, tmp_path / "cut.safetensors")
    shutil.copytree(tiny / "tokenizer", tmp_path / "tokenizer")
    shutil.copytree(tiny, tmp_path / "configs/sd15")
    monkeypatch.setattr(source, "CONFIGS", tmp_path / "configs")
    file = source.locate(site(tmp_path, "cut.safetensors"))
    with pytest.raises(ProjectError, match=r"text_encoder of .*cut\.safetensors can't be loaded"):
        weights.open_part(file, "text_encoder", torch.float32)


def test_damaged_weights_are_refused(tiny, tmp_path):
    folder = shutil.copytree(tiny, tmp_path / "damaged")
    (folder / "vae/diffusion_pytorch_model.safetensors").write_bytes(b"no tensors")
    with pytest.raises(ProjectError, match="the vae of"):
        weights.open_part(source.locate(site(tmp_path, "damaged")), "vae", torch.float32)


def test_tokenizer(located, tiny, tmp_path):
    tokenizer = weights.open_tokenizer(located)
    assert len(tokenizer) == 514
    folder = shutil.copytree(tiny, tmp_path / "wordless")
    (folder / "tokenizer/vocab.json").write_text('{"<|startoftext|>": 0, "<|endoftext|>": 1}', "utf-8")
    with pytest.raises(ProjectError, match="empty vocabulary"):
        weights.open_tokenizer(source.locate(site(tmp_path, "wordless")))
