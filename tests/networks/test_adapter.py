import pytest
import torch
from torch import nn

from lorabuild.networks.adapter import Adapter, part_of
from lorabuild.networks.attach import attach
from lorabuild.schema.network import LoRA, LoRAFA


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("lora_unet_mid_block_attentions_0_proj_in", "unet"),
        ("lora_te_text_model_encoder_layers_0_mlp_fc1", "text_encoder"),
        ("lora_te1_text_model_encoder_layers_0_mlp_fc1", "text_encoder"),
        ("lora_te2_text_model_encoder_layers_0_mlp_fc1", "text_encoder_2"),
    ],
)
def test_part_of(name, part):
    assert part_of(name) == part


def test_attaching_twice_is_attaching_once():
    layer, x = nn.Linear(3, 3), torch.randn(2, 3)
    adapter = attach({"lora_unet_a": layer}, LoRA(dim=2, alpha=2), 0)
    with torch.no_grad():
        adapter.layer("lora_unet_a").lora_up.fill_(1)
    once = layer(x)
    assert adapter.attach() is adapter
    assert torch.equal(layer(x), once)
    adapter.detach()
    assert not torch.equal(layer(x), once)
    adapter.attach()
    assert torch.equal(layer(x), once)


def test_the_model_s_own_parameters_stay_its_own():
    model = nn.Sequential(nn.Linear(3, 3))
    before = list(model.state_dict())
    attach({"lora_unet_a": model[0]}, LoRA(dim=2, alpha=2), 0)
    assert list(model.state_dict()) == before
    assert len(list(model.modules())) == 2


def test_moving_keeps_float32():
    layer = nn.Linear(3, 3, dtype=torch.bfloat16)
    adapter = attach({"lora_unet_a": layer}, LoRA(dim=2, alpha=2), 0).to(torch.device("cpu"))
    assert {parameter.dtype for parameter in adapter.parameters()} == {torch.float32}
    assert isinstance(adapter, Adapter)


def test_state_is_a_copy():
    adapter = attach({"lora_unet_a": nn.Linear(3, 3)}, LoRA(dim=2, alpha=1), 0)
    state = adapter.state()
    state["lora_unet_a.lora_down.weight"].zero_()
    assert adapter.layer("lora_unet_a").lora_down.any()
    assert set(state) == {f"lora_unet_a.{name}" for name in ("alpha", "lora_down.weight", "lora_up.weight")}
    assert state["lora_unet_a.alpha"].shape == ()


def test_what_the_optimizer_is_told():
    layers = {"lora_unet_down_blocks_1_attentions_0_a": nn.Linear(3, 3), "lora_te2_b": nn.Linear(3, 3)}
    adapter = attach(layers, LoRA(dim=2, alpha=2, blocks={"IN04": 0.5}, dora=True), 0)
    told = [(one.part, one.layer[-1], one.name.rpartition(".")[2], one.factor, one.up) for one in adapter.trained()]
    assert told == [
        ("unet", "a", "dora_scale", 0.5, False),
        ("unet", "a", "lora_down", 0.5, False),
        ("unet", "a", "lora_up", 0.5, True),
        ("text_encoder_2", "b", "dora_scale", 1.0, False),
        ("text_encoder_2", "b", "lora_down", 1.0, False),
        ("text_encoder_2", "b", "lora_up", 1.0, True),
    ]
    assert next(adapter.trained()).parameter is adapter.layer(next(iter(layers))).dora_scale


def test_a_frozen_side_is_not_trained_and_is_saved():
    adapter = attach({"lora_unet_a": nn.Linear(3, 3)}, LoRAFA(dim=2, alpha=2), 0)
    assert [one.name for one in adapter.trained()] == ["lora_up"]
    assert set(adapter.state()) == {f"lora_unet_a.{name}" for name in ("alpha", "lora_down.weight", "lora_up.weight")}


def test_each_layer_may_get_its_own_share_of_the_multiplier():
    layers, x = {name: nn.Linear(3, 3) for name in ("lora_unet_a", "lora_unet_b")}, torch.randn(2, 3)
    base = {name: layer(x) for name, layer in layers.items()}
    adapter = attach(layers, LoRA(dim=2, alpha=2), 0)
    with torch.no_grad():
        for name in layers:
            adapter.layer(name).lora_up.fill_(1)
    whole = {name: layer(x) for name, layer in layers.items()}
    adapter.share({"lora_unet_a": 0.0})
    assert torch.equal(layers["lora_unet_a"](x), base["lora_unet_a"])
    assert torch.equal(layers["lora_unet_b"](x), whole["lora_unet_b"])
    adapter.share({"lora_unet_b": 0.5})
    adapter.multiplier = 2.0
    assert torch.equal(layers["lora_unet_b"](x), whole["lora_unet_b"])
