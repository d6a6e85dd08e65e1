import hashlib
import json
import re
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
    if "beside" in reads:
        reads["beside"] = [{**other, "lora": other["lora"](outputs)} for other in reads["beside"]]
    item = Item("package", "b3:0", reads={**BUILD["reads"], "lora": lora, "pictures": pictures, **reads})
    site = Site(Project.model_validate({**BUILD["project"], **(change or {})}), tmp_path)
    package.run([item], site, outputs, (events if events is not None else []).append)
    return outputs


def header(lora):
    return json.loads(lora[8 : 8 + int.from_bytes(lora[:8], "little")])["__metadata__"]


def test_the_folder_gets_the_file_its_side_files_pictures_card_and_sums(tmp_path):
    outputs = pack(tmp_path)
    assert set(outputs.finished["package"]) == {
        *("zorbl.safetensors", "zorbl.json", "zorbl.civitai.info", "zorbl.png", "zorbl-sample-2.png", "zorbl-grid.png"),
        *("README.md", "SHA256SUMS"),
    }
    lora = outputs.made("package", "zorbl.safetensors")
    tensors = safetensors.torch.load(lora)
    assert tensors.keys() == STATE.keys()
    assert torch.equal(tensors[f"{LAYER}.lora_down.weight"], STATE[f"{LAYER}.lora_down.weight"].half())
    facts = outputs.facts["package"]
    assert facts["files"]["zorbl.safetensors"] == {"sha256": hashlib.sha256(lora).hexdigest(), "bytes": len(lora)}
    words = header(lora)
    assert words["sshs_model_hash"] == facts["sshs_model_hash"]
    assert words["sshs_legacy_hash"] == "e3b0c442"
    assert "ss_sd_model_hash" not in words


def test_the_sums_are_those_of_all_other_files(tmp_path):
    outputs = pack(tmp_path)
    rows = dict(reversed(line.split("  ")) for line in outputs.made("package", "SHA256SUMS").decode().splitlines())
    made = {name: hashlib.sha256(outputs.made("package", name)).hexdigest() for name in outputs.finished["package"]}
    assert {**rows, "SHA256SUMS": made["SHA256SUMS"]} == made


def test_every_file_that_the_card_names_is_handed_out(tmp_path):
    outputs = pack(tmp_path, beside=[{"epoch": 2, "steps": 48, "lora": other_epoch}])
    card = outputs.made("package", "README.md").decode()
    named = set(re.findall(r"zorbl[\w.-]*\.(?:png|json|info|safetensors)", card))
    assert {"zorbl.png", "zorbl-sample-2.png", "zorbl-grid.png", "zorbl-000002.safetensors"} <= named
    assert named <= outputs.finished["package"].keys()


def other_epoch(outputs):
    return outputs.write(safetensors.torch.save({name: tensor + 1 for name, tensor in STATE.items()}))


def test_an_epoch_beside_it_has_its_own_tensors_and_its_own_true_metadata(tmp_path):
    outputs = pack(tmp_path, beside=[{"epoch": 2, "steps": 48, "lora": other_epoch}])
    lora, other = (outputs.made("package", f"zorbl{end}.safetensors") for end in ("", "-000002"))
    words, others = header(lora), header(other)
    assert (words["ss_epoch"], words["ss_steps"]) == ("4", "96")
    assert (others["ss_epoch"], others["ss_steps"], others["ss_max_train_steps"]) == ("2", "48", "96")
    assert others["sshs_model_hash"] == hashlib.sha256(other[8 + int.from_bytes(other[:8], "little") :]).hexdigest()
    assert {word for word in words if words[word] != others[word]} == {"ss_epoch", "ss_steps", "sshs_model_hash"}
    assert lora == pack(tmp_path).made("package", "zorbl.safetensors")


@pytest.mark.parametrize(("precision", "kind"), [("bf16", torch.bfloat16), ("fp32", torch.float32)])
def test_another_precision_changes_the_tensors_and_is_told(tmp_path, precision, kind):
    outputs = pack(tmp_path, change={"output": {"precision": precision}})
    tensors = safetensors.torch.load(outputs.made("package", "zorbl.safetensors"))
    assert tensors[f"{LAYER}.lora_down.weight"].dtype == kind
    assert torch.equal(tensors[f"{LAYER}.lora_down.weight"], STATE[f"{LAYER}.lora_down.weight"].to(kind))
    info = json.loads(outputs.made("package", "zorbl.civitai.info"))
    assert info["files"][0]["metadata"]["fp"] == precision
    assert f"handed out in {precision}" in outputs.made("package", "README.md").decode()


@pytest.mark.parametrize(
    ("word", "gone"),
    [
        ("a1111", {"zorbl.json"}),
        ("civitai", {"zorbl.civitai.info"}),
        ("grid", {"zorbl-grid.png"}),
        ("card", {"README.md", "zorbl-sample-2.png"}),
        ("sums", {"SHA256SUMS"}),
    ],
)
def test_what_is_not_wanted_is_not_written(tmp_path, word, gone):
    usual, fewer = (set(pack(tmp_path, change=change).finished["package"]) for change in ({}, without(word)))
    assert usual - fewer == gone
    assert fewer <= usual


def without(*words):
    return {"output": {"without": [*words]}}


def test_without_a_preview_the_card_has_the_first_picture_under_another_name(tmp_path):
    outputs = pack(tmp_path, change=without("preview"))
    assert "zorbl.png" not in outputs.finished["package"]
    assert 'url: "zorbl-sample-1.png"' in outputs.made("package", "README.md").decode()
    assert outputs.made("package", "zorbl-sample-1.png")


def test_where_others_have_theirs_card_and_sums_are_called_after_the_lora(tmp_path):
    names = pack(tmp_path, prefix="zorbl-").finished["package"]
    assert {"zorbl-README.md", "zorbl-SHA256SUMS"} < {*names}
    assert not {"README.md", "SHA256SUMS"} & {*names}


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
    files = {"zorbl.safetensors", "zorbl.json", "zorbl.civitai.info", "README.md", "SHA256SUMS"}
    assert set(pack(tmp_path, prompts=()).finished["package"]) == files


def test_where_the_shipped_epoch_was_not_drawn_any_picture_is_the_preview(tmp_path):
    assert "zorbl.png" in pack(tmp_path, epoch=3).finished["package"]


def test_a_single_file_base_is_hashed(tmp_path):
    base = tmp_path / "base.safetensors"
    base.write_bytes(b"x" * 100)
    facts = {"name": base.name, "path": str(base), "prediction": "epsilon"}
    lora = pack(tmp_path, base=facts).made("package", "zorbl.safetensors")
    assert header(lora)["ss_new_sd_model_hash"] == hashlib.sha256(b"x" * 100).hexdigest()


def test_a_trimmed_tag_table_is_said(tmp_path):
    caption = ", ".join(f"tag_{number}_{'x' * 30}" for number in range(40_000))
    events = []
    outputs = pack(tmp_path, events, images=[{**BUILD["reads"]["images"][0], "caption": caption}])
    assert "most frequent of 40000 tags" in outputs.facts["package"]["tag_frequency"]
    assert [event.data["code"] for event in events if event.kind == "note"] == ["tags-trimmed"]
    assert file.header_size(outputs.made("package", "zorbl.safetensors"), {}) <= 1 << 20


def test_what_finish_did_is_told(tmp_path):
    outputs = pack(tmp_path, change={"finish": [{"resize": 2}]}, merged=[])
    card = outputs.made("package", "README.md").decode()
    assert "| then | resize: {dim: 2} |" in card
    assert "as it was trained, before `resize: {dim: 2}`" in card
    assert "resize" in json.loads(outputs.made("package", "zorbl.json"))["notes"]
