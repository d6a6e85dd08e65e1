import json

import pytest
import safetensors
import safetensors.torch
import torch

from lorabuild.core.errors import StageError
from lorabuild.publish import file

LAYER = "lora_unet_mid_block_attentions_0_proj_in"


def state(**other):
    generator = torch.Generator().manual_seed(1)
    return {
        f"{LAYER}.alpha": torch.tensor(8.0),
        f"{LAYER}.lora_down.weight": torch.randn(4, 16, generator=generator),
        f"{LAYER}.lora_up.weight": torch.zeros(16, 4),
        **other,
    }


def metadata_of(data, tmp_path):
    path = tmp_path / "read.safetensors"
    path.write_bytes(data)
    with safetensors.safe_open(path, "pt") as opened:
        return opened.metadata()


def test_weights_become_fp16_and_alpha_keeps_its_value():
    narrowed = file.narrow(state(**{"other.alpha": torch.tensor(0.1)}))
    assert narrowed[f"{LAYER}.lora_down.weight"].dtype == torch.float16
    assert narrowed[f"{LAYER}.alpha"].dtype == torch.float16
    assert narrowed[f"{LAYER}.alpha"].item() == 8
    assert narrowed["other.alpha"].dtype == torch.float32
    assert narrowed["other.alpha"].item() == torch.tensor(0.1).item()


def test_a_weight_beyond_fp16_is_named():
    with pytest.raises(StageError, match=rf"`{LAYER}` reach 7e\+04") as caught:
        file.narrow(state(**{f"{LAYER}.lora_up.weight": torch.full((16, 4), 7e4)}))
    assert "training.optimizer.lr" in caught.value.next_step


def test_weights_that_are_no_numbers_are_named():
    with pytest.raises(StageError, match="no longer numbers"):
        file.narrow(state(**{f"{LAYER}.lora_up.weight": torch.full((16, 4), float("nan"))}))


def test_the_file_opens_with_what_was_written(tmp_path):
    words = {"ss_output_name": "zörbl", "modelspec.title": 'a "title"', "lorabuild.version": "1"}
    narrowed = file.narrow(state())
    data = file.with_metadata(file.bare(narrowed), words)
    assert metadata_of(data, tmp_path) == words
    loaded = safetensors.torch.load(data)
    assert loaded.keys() == narrowed.keys()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in narrowed.items())


def test_header_is_aligned_and_begins_as_the_web_ui_wants():
    data = file.with_metadata(file.bare(file.narrow(state())), {"a": "1"})
    length = int.from_bytes(data[:8], "little")
    assert length % 8 == 0
    assert data[8:10] == b'{"'
    assert next(iter(json.loads(data[8 : 8 + length]))) == "__metadata__"
    assert file.header_size(file.bare(file.narrow(state())), {"a": "1"}) == length


def test_neither_order_of_tensors_nor_of_metadata_changes_a_byte():
    words = {"b": "2", "a": "1"}
    tensors, turned = state(), dict(reversed(list(state().items())))
    written = file.with_metadata(file.bare(file.narrow(tensors)), words)
    assert written == file.with_metadata(file.bare(file.narrow(turned)), dict(sorted(words.items())))


def test_layout_is_the_librarys_own():
    """With one word of metadata the library's order is no chance, and ours is the same byte for byte."""
    narrowed = file.narrow(state(**{"other.alpha": torch.tensor(0.1)}))
    assert file.with_metadata(file.bare(narrowed), {"ss_a": "1"}) == safetensors.torch.save(narrowed, {"ss_a": "1"})


def test_hashes_are_those_of_the_standard_trainer(standard):
    tensors = {
        "a.weight": (torch.arange(400000, dtype=torch.float32) / 1000).reshape(1000, 400),
        "b.weight": torch.arange(1000, dtype=torch.float16),
        "a.alpha": torch.tensor(4.0),
    }
    case = standard["big_example"]
    signed = file.sign(file.bare(tensors), case["metadata"])
    assert [signed["sshs_model_hash"], signed["sshs_legacy_hash"]] == case["hashes"]
    without = file.sign(file.bare(tensors), {"modelspec.title": "x"})
    assert without["sshs_model_hash"] == case["hashes_without_ss"][0]


def test_tensors_come_in_the_order_of_their_names():
    """The library has another order each time, and what stands first decides a tie."""
    state = {f"lora_unet_{number}.alpha": torch.ones(()) for number in (3, 1, 2)}
    assert list(file.load(file.bare(state))) == sorted(state)
