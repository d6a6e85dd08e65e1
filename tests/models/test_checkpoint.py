import pytest
import torch
from safetensors.torch import save_file

from lorabuild.core.errors import ProjectError
from lorabuild.models import checkpoint


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("cond_stage_model.transformer.text_model.final_layer_norm.bias", "sd15"),
        ("cond_stage_model.model.ln_final.bias", "SD2"),
        ("conditioner.embedders.1.model.ln_final.bias", "SDXL"),
        ("lora_unet_mid_block_attentions_0_proj_in.alpha", "a LoRA"),
        ("something.else", "no known model"),
    ],
)
def test_family_by_names(tmp_path, name, family):
    save_file({name: torch.zeros(1)}, tmp_path / "m.safetensors", {"a": "b"})
    assert checkpoint.names(tmp_path / "m.safetensors") == [name]
    assert checkpoint.family(tmp_path / "m.safetensors") == family


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff" * 8, b"PK\x03\x04" * 10, (5).to_bytes(8, "little") + b"[1,2]", b"\x02" + b"\0" * 7 + b"\xff\xff"],
)
def test_other_files_are_refused(tmp_path, data):
    (tmp_path / "m.safetensors").write_bytes(data)
    with pytest.raises(ProjectError, match=r"m\.safetensors is no safetensors file"):
        checkpoint.names(tmp_path / "m.safetensors")
