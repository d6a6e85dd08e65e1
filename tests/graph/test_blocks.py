"""lorabuild.graph.blocks, with a painter in the place of the model: each block moves the picture by its own amount."""

import light
import numpy as np
import pytest
import torch

from lorabuild.core.errors import ProjectError
from lorabuild.evaluate import picture
from lorabuild.graph import blocks
from lorabuild.models.tensors import pack

MOVES = {"BASE": 40, "IN01": 100, "M00": 1, "OUT03": 2}
NAMES = {
    "BASE": "lora_te_text_model_encoder_layers_0_mlp_fc1",
    "IN01": "lora_unet_down_blocks_0_attentions_0_proj_in",
    "M00": "lora_unet_mid_block_attentions_0_proj_in",
    "OUT03": "lora_unet_up_blocks_1_attentions_0_proj_in",
}


def painted(shot):
    """A grey as bright as the blocks that are on."""
    value = sum(move * shot.blocks.get(block, 1.0) for block, move in MOVES.items()) if shot.lora else 0
    return picture.png(np.full((4, 4, 3), value, np.uint8))


@pytest.fixture
def trained(project, monkeypatch):
    """A project whose LoRA has one layer in each of four blocks."""
    state = pack({f"{name}.lora_down.weight": torch.ones(1, 2) for name in NAMES.values()})
    made = ({"epoch-0001": state, "epoch-0002": state, "log": b"{}"}, light.PLANTED["train"][1])
    monkeypatch.setitem(light.PLANTED, "train", made)

    def drawn(_view, shots, _emit):
        return [painted(shot) for shot in shots]

    monkeypatch.setattr(blocks, "drawn", drawn)
    light.built(project)
    with light.viewed(project) as view:
        light.plant(view, "latents", "text", "train", "sample")
    return project


def test_each_block_is_drawn_alone_and_left_out(trained_at):
    view, found = trained_at
    assert found.alone == pytest.approx({block: move / 143 for block, move in MOVES.items()})
    assert found.without == pytest.approx(found.alone)
    assert (found.quiet, found.lost) == (("M00", "OUT03"), pytest.approx(3 / 143))
    assert found.as_dict()["suggested"] == {"M00": 0, "OUT03": 0}
    assert (found.epoch, found.prompts) == (2, ("zorbl", "zorbl, zorbl_cape"))
    grid = blocks.laid_out(view, found)
    assert picture.decode(grid.read_bytes()).width > 4 * 160


def test_blocks_stay_where_leaving_out_all_of_the_quiet_ones_moves_too_much(trained_at, monkeypatch):
    view, _ = trained_at
    monkeypatch.setattr(blocks, "CLOSE", 1.5 / 143)
    found = blocks.measured(view, 1, None, None)
    assert (found.quiet, found.lost) == (("M00",), pytest.approx(1 / 143))
    monkeypatch.setattr(blocks, "CLOSE", 0.0)
    assert blocks.measured(view, 1, 1, None).quiet == ()


def test_the_suggestion_is_written_and_the_old_text_kept(trained_at, tmp_path):
    _, found = trained_at
    file = tmp_path / "project/lora.yaml"
    before = file.read_text("utf-8")
    backup = blocks.written(file, found)
    assert backup.read_text("utf-8") == before
    assert light.load(file).project.network.blocks == {"M00": 0, "OUT03": 0}
    assert blocks.written(file, found) is None  # it says so already


def test_before_a_training_it_says_what_to_run(project):
    light.built(project)
    with light.viewed(project) as view, pytest.raises(ProjectError, match="nothing is trained yet"):
        blocks.measured(view, 1, None, None)


def test_an_epoch_that_is_not_there(trained_at):
    view, _ = trained_at
    with pytest.raises(ProjectError, match="there is no epoch 9"):
        blocks.measured(view, 1, 9, None)


@pytest.fixture
def trained_at(trained):
    with light.viewed(trained) as view:
        yield view, blocks.measured(view, 2, None, None)
