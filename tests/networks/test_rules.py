import pytest
import torch
from torch import nn

from lorabuild.core.errors import ProjectError
from lorabuild.networks.attach import attach, wants_convolutions
from lorabuild.networks.rules import Rules, idle
from lorabuild.schema.network import IA3, DiagOFT, LoCon, LoHa, LoRA

IN04 = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q"
OUT03 = "lora_unet_up_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k"
OUT02 = "lora_unet_up_blocks_0_resnets_2_conv1"
TEXT = "lora_te_text_model_encoder_layers_0_mlp_fc2"


def layers():
    kinds = {IN04: nn.Linear(4, 4), OUT03: nn.Linear(4, 4), OUT02: nn.Conv2d(4, 4, 3), TEXT: nn.Linear(4, 4)}
    return {name: layer.requires_grad_(requires_grad=False) for name, layer in kinds.items()}


def found(settings):
    """Layer → (dim, alpha, factor) of what sits on it."""
    rules, own = Rules.of(settings, layers()), {}
    for name, layer in layers().items():
        if kept := rules.own(name, layer):
            own[name] = (kept.dim, kept.alpha, rules.factor(name))
    return own


def test_blocks_scale_the_learning_rate_and_0_is_no_adapter():
    settings = LoRA(dim=4, alpha=2, blocks={"IN04": 0.5, "OUT03-OUT05": 0, "BASE": 2})
    assert found(settings) == {IN04: (4, 2, 0.5), OUT02: (4, 2, 1), TEXT: (4, 2, 2)}


def test_ranks_and_alphas_by_block_and_by_layer():
    settings = LoCon(
        dim=4,
        alpha=2,
        conv_dim=8,
        conv_alpha=6,
        block_dims={"IN04": 16, "BASE": 0},
        block_alphas={"IN04": 5},
        layer_dims={"*attn2*": 2, "*to_k": 3},
        layer_alphas={"*attn2*": 1},
        layer_lrs={"*attn*": 0.5, "*attn2*": 0.25},
        conv_block_dims={"OUT02": 12},
        conv_block_alphas={"OUT02": 7},
    )
    assert found(settings) == {IN04: (16, 5, 0.5), OUT03: (3, 1, 0.25), OUT02: (12, 7, 1)}


def test_patterns_choose_layers():
    assert set(found(LoRA(only=("*attn*",)))) == {IN04, OUT03}
    assert set(found(LoRA(without=("*attn2*", "lora_te*")))) == {IN04, OUT02}
    assert set(found(LoRA(only=("*attn*",), without=("*attn1*",)))) == {OUT03}


def test_3x3_kernels_get_none_without_a_rank():
    assert OUT02 not in found(LoHa())
    assert found(LoHa(conv_dim=2))[OUT02] == (2, 4, 1)


def test_a_short_u_net_has_other_blocks():
    name = "lora_unet_output_blocks_8_0_in_layers_2"
    rules = Rules.of(LoRA(blocks={"OUT": 0.5, "BASE": 1}), [name])
    assert rules.factor(name) == 0.5
    assert set(rules.blocks["blocks"]) == {"BASE", *(f"OUT0{number}" for number in range(9))}
    with pytest.raises(ProjectError, match="this family has no block `OUT09`"):
        attach({name: nn.Linear(4, 4)}, LoRA(blocks={"OUT09": 0.5}), 0)


def test_ia3_sits_where_the_paper_says():
    adapter = attach(layers(), IA3(), 0)
    assert {name: own.on_input for name, _, own in adapter.layers()} == {OUT03: False, TEXT: True}


def test_nothing_left_is_said():
    with pytest.raises(ProjectError, match="no layer is left to train"):
        attach(layers(), LoRA(only=("*nowhere*",)), 0)


def test_what_can_t_sit_there_is_said():
    with pytest.raises(ProjectError, match="can't be parted into blocks"):
        attach({IN04: nn.Linear(4, 7)}, DiagOFT(dim=4), 0)
    with pytest.raises(ProjectError, match="LayerNorm is neither"):
        attach({IN04: nn.LayerNorm(4)}, LoRA(), 0)


def test_who_sits_on_convolutions():
    assert not wants_convolutions(LoRA())
    assert not wants_convolutions(LoHa())
    assert wants_convolutions(LoHa(conv_dim=1))
    assert wants_convolutions(LoHa(conv_block_dims={"M00": 4}))
    assert wants_convolutions(LoCon())
    assert wants_convolutions(DiagOFT(convolutions=True))


def test_no_result_depends_on_other_layers():
    one = attach({IN04: nn.Linear(4, 4)}, LoRA(dim=2), 3).state()
    all_ = attach(layers(), LoRA(dim=2, layer_dims={"lora_te*": 4}), 3).state()
    assert all(torch.equal(tensor, all_[name]) for name, tensor in one.items())


def test_what_is_written_about_layers_that_are_not_there():
    written = LoRA(layer_dims={"*attn9*": 4, "lora_te*": 2}, blocks={"IN00": 0.5, "IN04": 0.5}, only=("*",))
    assert list(idle(written, layers())) == [
        "network.blocks: no layer is in IN00",
        "network.layer_dims: no layer fits `*attn9*`",
    ]
    assert list(idle(IA3(), layers())) == []
    assert list(idle(LoRA(blocks=[1] * 26), layers())) == []
