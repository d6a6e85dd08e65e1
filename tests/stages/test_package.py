import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from kept import Kept

from lorabuild.core.item import Item
from lorabuild.evaluate import picture
from lorabuild.publish import file
from lorabuild.schema.project import Project
from lorabuild.schema.site import Site
from lorabuild.stages import package

BUILD = json.loads((Path(__file__).parents[1] / "data" / "finished_build.json").read_text("utf-8"))
LAYER = "lora_unet_mid_block_attentions_0_proj_in"
STATE = {
    f"{LAYER}.alpha": torch.tensor(8.0),
    f"{LAYER}.lora_down.weight": torch.linspace(-1, 1, 64).reshape(4, 16),
    f"{LAYER}.lora_up.weight": torch.zeros(16, 4),
}


def pack(tmp_path, events=None, *, prompts=("zorbl, forest", "zorbl, night"), change=None, **reads):
    outputs = Kept()
    pictures = []
    for number, prompt in enumerate(prompts):
        for epoch in (0, 2, 4):
            drawn = picture.png(np.full((64, 64, 3), 40 * epoch + number, np.uint8))
            weight = 1.0 if epoch else 0.0
            pictures.append({"prompt": prompt, "epoch": epoch, "weight": weight, "picture": outputs.write(drawn)})
    lora = outputs.write(safetensors.torch.save(STATE))
    item = Item("package", "b3:0", reads={**BUILD["reads"], "lora": lora, "pictures": pictures, **reads})
    site = Site(Project.model_validate({**BUILD["project"], **(change or {})}), tmp_path)
    package.run([item], site, outputs, (events if events is not None else []).append)
    return outputs


def test_the_folder_gets_the_file_its_side_file_a_preview_and_a_grid(tmp_path):
    outputs = pack(tmp_path)
    assert set(outputs.finished["package"]) == {"zorbl.safetensors", "zorbl.json", "zorbl.png", "zorbl-grid.png"}
    lora = outputs.made("package", "zorbl.safetensors")
    tensors = safetensors.torch.load(lora)
    assert tensors.keys() == STATE.keys()
    assert torch.equal(tensors[f"{LAYER}.lora_down.weight"], STATE[f"{LAYER}.lora_down.weight"].half())
    facts = outputs.facts["package"]
    assert facts["files"]["zorbl.safetensors"] == {"sha256": hashlib.sha256(lora).hexdigest(), "bytes": len(lora)}
    header = json.loads(lora[8 : 8 + int.from_bytes(lora[:8], "little")])["__metadata__"]
    assert header["sshs_model_hash"] == facts["sshs_model_hash"]
    assert header["sshs_legacy_hash"] == "e3b0c442"
    assert "ss_sd_model_hash" not in header


def test_the_preview_is_the_shipped_epochs_first_prompt(tmp_path):
    image = picture.decode(pack(tmp_path).made("package", "zorbl.png"))
    assert image.size == (512, 512)
    assert image.getpixel((256, 256)) == (160, 160, 160)


def test_other_prompts_change_the_side_files_and_not_the_lora(tmp_path):
    first, second = pack(tmp_path), pack(tmp_path, prompts=["zorbl, beach"])
    assert first.made("package", "zorbl.safetensors") == second.made("package", "zorbl.safetensors")
    assert first.made("package", "zorbl-grid.png") != second.made("package", "zorbl-grid.png")


def test_same_inputs_same_bytes(tmp_path):
    assert pack(tmp_path).finished == pack(tmp_path).finished


def test_without_pictures_there_is_neither_preview_nor_grid(tmp_path):
    assert set(pack(tmp_path, prompts=()).finished["package"]) == {"zorbl.safetensors", "zorbl.json"}


def test_where_the_shipped_epoch_was_not_drawn_any_picture_is_the_preview(tmp_path):
    assert "zorbl.png" in pack(tmp_path, epoch=3).finished["package"]


def test_a_single_file_base_is_hashed(tmp_path):
    base = tmp_path / "base.safetensors"
    base.write_bytes(b"x" * 100)
    facts = {"name": base.name, "path": str(base), "prediction": "epsilon"}
    lora = pack(tmp_path, base=facts).made("package", "zorbl.safetensors")
    header = json.loads(lora[8 : 8 + int.from_bytes(lora[:8], "little")])["__metadata__"]
    assert header["ss_new_sd_model_hash"] == hashlib.sha256(b"x" * 100).hexdigest()


def test_a_trimmed_tag_table_is_said(tmp_path):
    caption = ", ".join(f"tag_{number}_{'x' * 30}" for number in range(40_000))
    events = []
    outputs = pack(tmp_path, events, images=[{**BUILD["reads"]["images"][0], "caption": caption}])
    assert "most frequent of 40000 tags" in outputs.facts["package"]["tag_frequency"]
    assert [event.data["code"] for event in events if event.kind == "note"] == ["tags-trimmed"]
    assert file.header_size(outputs.made("package", "zorbl.safetensors"), {}) <= 1 << 20


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ([(0, 0.0), (1, 1.0)], ["without LoRA", "epoch 1"]),
        ([(0, 0.0), (1, 0.5), (1, 1.0)], ["without LoRA", "epoch 1, weight 0.5", "epoch 1, weight 1"]),
    ],
)
def test_columns_name_the_weight_where_there_are_several(columns, said):
    assert package.labels(columns) == said
