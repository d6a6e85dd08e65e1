import pytest
import torch
from torch import nn

from lorabuild.networks.attach import attach
from lorabuild.networks.max_norm import max_norm
from lorabuild.schema.network import IA3, DyLoRA, Full, LoCon, LoHa, LoKr, LoRA, LoRAFA

KINDS = [
    LoCon(dim=3, alpha=2, conv_dim=2, conv_alpha=1),
    DyLoRA(dim=4, alpha=2, unit=2, conv_dim=2),
    LoHa(dim=3, alpha=2, conv_dim=2),
    LoKr(dim=2, alpha=1, factor=2, conv_dim=2),
    LoKr(dim=1, alpha=0.5, factor=4, conv_dim=1, decompose_both=True),
    LoKr(dim=64, factor=2, conv_dim=64),
    LoRAFA(dim=3, alpha=2, conv_dim=2),
    LoRA(dim=3, alpha=2, dora=True),
    Full(convolutions=True),
]


def layers():
    kinds = {"lora_unet_a": nn.Linear(8, 12), "lora_unet_b": nn.Conv2d(8, 12, 3), "lora_unet_c": nn.Conv2d(8, 8, 1)}
    return {name: layer.requires_grad_(requires_grad=False) for name, layer in kinds.items()}


@pytest.mark.parametrize("settings", KINDS, ids=lambda one: one.type)
def test_no_difference_is_longer_than_the_limit(settings):
    adapter = attach(layers(), settings, 0)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for one in adapter.trained():
            one.parameter.add_(torch.randn(one.parameter.shape, generator=generator) * (0.5 if one.up else 0.1))
    owns = [getattr(own, "direction", own) for _, _, own in adapter.layers()]
    before = [own.scale * own.difference().detach() for own in owns]
    norms = torch.stack([one.norm() for one in before])
    torch.testing.assert_close(norms, torch.stack([own.norm().detach() for own in owns]))
    limit = norms.sort().values[1:].mean().item()
    done = max_norm(adapter, limit)
    for own, one in zip(owns, before, strict=True):
        ratio = min(1.0, limit / one.norm().item())
        torch.testing.assert_close(own.scale * own.difference().detach(), one * ratio)
    behind = norms.clamp(max=limit)
    assert done.keys == (norms > limit).sum() >= 1
    assert (done.mean, done.largest) == pytest.approx((behind.mean().item(), behind.max().item()))
    again = max_norm(adapter, limit * 1.001)
    assert again.keys == 0


def test_a_frozen_side_stays():
    adapter = attach(layers(), LoRAFA(dim=3, conv_dim=3), 0)
    own = adapter.layer("lora_unet_a")
    nn.init.constant_(own.lora_up, 5)
    before = own.lora_down.clone()
    assert max_norm(adapter, 0.1).keys == 1
    assert torch.equal(own.lora_down, before)
    assert own.norm().item() == pytest.approx(0.1)


def test_a_network_without_differences_stays():
    adapter = attach(layers(), IA3(only=("*",)), 0)
    assert max_norm(adapter, 1.0) == (0, 0.0, 0.0)
