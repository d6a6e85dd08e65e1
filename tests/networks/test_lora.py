import json
import math
from pathlib import Path

import pytest
import torch
from torch import nn

from lorabuild.networks.attach import attach
from lorabuild.networks.layer import Below, Form
from lorabuild.networks.lora import LowRank
from lorabuild.schema.network import LoCon, LoRA

KNOWN = json.loads((Path(__file__).parents[1] / "data" / "lora_keys_sd15.json").read_text("utf-8"))


def layer(kind, shape):
    with torch.device("meta"):
        return nn.Linear(shape[1], shape[0]) if kind == "Linear" else nn.Conv2d(shape[1], shape[0], shape[2])


def low_rank(layer, dim, alpha, seed):
    made = LowRank(Form.of(layer), dim, alpha)
    made.start(seed)
    return made


def test_parameters_of_a_real_size_model_are_those_of_the_standard_trainer():
    layers = {name: layer(*found) for name, found in KNOWN["linear"]["layers"].items()}
    adapter = attach(layers, LoRA(dim=4, alpha=2), 0)
    assert sum(parameter.numel() for parameter in adapter.parameters()) == KNOWN["linear"]["parameters"]


@pytest.mark.parametrize("name", KNOWN["convolutions"]["layers"])
def test_shapes_and_scale_with_convolutions(name):
    known = KNOWN["convolutions"]["layers"][name]
    adapter = attach({name: layer(*known["org"])}, LoCon(dim=4, alpha=2, conv_dim=4, conv_alpha=2), 0).layer(name)
    assert [list(adapter.lora_down.shape), list(adapter.lora_up.shape)] == [known["down"], known["up"]]
    assert adapter.scale == known["scale"]


def test_locon_has_its_own_rank_above_1x1_alone():
    layers = {"lora_unet_a": nn.Conv2d(4, 4, 3), "lora_unet_b": nn.Conv2d(4, 4, 1), "lora_unet_c": nn.Linear(4, 4)}
    adapter = attach(layers, LoCon(dim=4, alpha=1, conv_dim=8, conv_alpha=6), 0)
    found = {name: (len(own.lora_down), own.alpha) for name, _, own in adapter.layers()}
    assert found == {"lora_unet_a": (8, 6), "lora_unet_b": (4, 1), "lora_unet_c": (4, 1)}


def test_start_is_kaiming_uniform():
    found = low_rank(nn.Conv2d(64, 8, 3), 32, 16, seed=5)
    bound = 1 / math.sqrt(64 * 9)
    assert found.lora_down.abs().max() <= bound
    assert found.lora_down.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.02)
    assert abs(found.lora_down.mean().item()) < bound / 50
    assert not found.lora_up.any()


def test_the_delta_is_what_the_paper_says():
    linear = nn.Linear(5, 3)
    own = low_rank(linear, 2, 4, seed=1)
    nn.init.normal_(own.lora_up)
    x = torch.randn(6, 5)
    wanted = linear(x) + 2 * x @ own.lora_down.T @ own.lora_up.T
    torch.testing.assert_close(own.adapted(x, Below(linear), 1.0), wanted)


def test_alpha_comes_from_the_file_and_other_float_types_are_read():
    own = low_rank(nn.Linear(5, 3), 2, 4, seed=1)
    state = {name: tensor.detach().half() for name, tensor in own.state().items()} | {"alpha": torch.tensor(1.0)}
    own.load(state)
    assert own.scale == 0.5
    assert own.lora_down.dtype == torch.float32
