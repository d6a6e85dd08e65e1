import json

import pytest
import torch
from safetensors.torch import save_file

from lorabuild.core.errors import ProjectError
from lorabuild.models import checkpoint
from lorabuild.models.checkpoint import Held

ENTRY = "model.diffusion_model.input_blocks.0.0.weight"


def file(tmp_path, *names, shape=(1,), **metadata):
    save_file({name: torch.zeros(shape) for name in names}, tmp_path / "m.safetensors", metadata or None)
    return tmp_path / "m.safetensors"


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("cond_stage_model.transformer.text_model.final_layer_norm.bias", "sd15"),
        ("cond_stage_model.model.ln_final.bias", "sd2"),
        ("conditioner.embedders.1.model.ln_final.bias", "sdxl"),
        ("model.diffusion_model.label_emb.0.0.bias", "sdxl"),
        ("conditioner.embedders.0.model.ln_final.bias", "the SDXL refiner"),
        ("model.diffusion_model.joint_blocks.0.x", "SD3"),
        ("model.diffusion_model.out.2.bias", "a U-Net without text encoders"),
        ("lora_unet_mid_block_attentions_0_proj_in.alpha", "a LoRA"),
        ("something.else", "no known model"),
    ],
)
def test_family_by_names(tmp_path, name, family):
    held = checkpoint.look(file(tmp_path, name, a="b"))
    assert held == Held(family, None, zero_terminal_snr=False)
    assert {*checkpoint.header(tmp_path / "m.safetensors")} == {name, "__metadata__"}


@pytest.mark.parametrize(
    ("marks", "metadata", "prediction", "zero"),
    [
        (("v_pred", "ztsnr"), {}, "v_prediction", True),
        (("v_pred",), {"modelspec.prediction_type": "epsilon"}, "v_prediction", False),
        (("ztsnr",), {}, None, True),
        ((), {"modelspec.prediction_type": "v"}, "v_prediction", False),
        ((), {"modelspec.prediction_type": "epsilon"}, "epsilon", False),
        ((), {"modelspec.architecture": "stable-diffusion-v2-768-v"}, "v_prediction", False),
        ((), {"modelspec.architecture": "stable-diffusion-v2-512"}, "epsilon", False),
        ((), {"modelspec.architecture": "stable-diffusion-xl-v1-base"}, None, False),
    ],
)
def test_prediction_by_marks_and_metadata(tmp_path, marks, metadata, prediction, zero):
    held = checkpoint.look(file(tmp_path, "conditioner.embedders.1.x", *marks, **metadata))
    assert (held.family, held.prediction, held.zero_terminal_snr) == ("sdxl", prediction, zero)


@pytest.mark.parametrize(
    ("names", "shape", "said"),
    [
        (("cond_stage_model.model.x", ENTRY), (2, 9, 3, 3), "an inpainting model"),
        (("cond_stage_model.model.x", ENTRY), (2, 4, 3, 3), "sd2"),
        (("conditioner.embedders.1.x", "edm_mean"), (1,), "a model with EDM noise"),
    ],
)
def test_models_that_look_like_a_family(tmp_path, names, shape, said):
    assert checkpoint.look(file(tmp_path, *names, shape=shape)).family == said


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff" * 8, b"PK\x03\x04" * 10, (5).to_bytes(8, "little") + b"[1,2]", b"\x02" + b"\0" * 7 + b"\xff\xff"],
)
def test_other_files_are_refused(tmp_path, data):
    (tmp_path / "m.safetensors").write_bytes(data)
    with pytest.raises(ProjectError, match=r"m\.safetensors is no safetensors file"):
        checkpoint.look(tmp_path / "m.safetensors")


def test_a_strange_header_is_no_model(tmp_path):
    header = json.dumps({ENTRY: {"shape": []}, "x": 1}).encode()
    (tmp_path / "m.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    assert checkpoint.look(tmp_path / "m.safetensors").family == "a U-Net without text encoders"
