"""Files of every type on three small layers, with random weights."""

import torch
from torch import nn

from lorabuild.networks.attach import attach, load
from lorabuild.schema.network import IA3, DiagOFT, DyLoRA, Full, LoCon, LoHa, LoKr

PREFIX = "lora_unet_up_blocks_1_"
LINEAR, POINT, KERNEL = (
    f"{PREFIX}attentions_0_proj_in",
    f"{PREFIX}attentions_0_proj_out",
    f"{PREFIX}resnets_0_conv1",
)
FOUR = {"dim": 4, "alpha": 2, "conv_dim": 3, "conv_alpha": 1.5}
NETWORKS = {
    "locon": LoCon(**FOUR),
    "dora": LoCon(**FOUR, dora=True),
    "dylora": DyLoRA(**FOUR | {"conv_dim": 4}, unit=2),
    "loha": LoHa(**FOUR),
    "lokr": LoKr(dim=1, conv_dim=1, factor=2),
    "lokr whole": LoKr(dim=1024, conv_dim=1024, factor=2),
    "ia3": IA3(only=("*",), convolutions=True),
    "diag_oft": DiagOFT(dim=4, convolutions=True),
    "full": Full(convolutions=True),
}
ADDITIVE = ("locon", "dylora", "loha", "lokr", "lokr whole", "full")


def layers(seed=0):
    """Kohya name → frozen layer: 8 inputs, 12 outputs."""
    torch.manual_seed(seed)
    made = {LINEAR: nn.Linear(8, 12), POINT: nn.Conv2d(8, 12, 1), KERNEL: nn.Conv2d(8, 12, 3, padding=1)}
    return {name: layer.requires_grad_(requires_grad=False) for name, layer in made.items()}


def state(kind, seed=1):
    """A trained file of this type."""
    adapter = attach(layers(), NETWORKS[kind], 0)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for one in adapter.trained():
            one.parameter.add_(torch.randn(one.parameter.shape, generator=generator), alpha=0.3)
    return adapter.state()


def outputs(held, multiplier=1.0):
    """What each layer gives for one input with a file on it; without it at 0."""
    below = layers()
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(2, 8, 6, 5, generator=generator)
    load(below, held).multiplier = multiplier
    return torch.cat([below[name](x.flatten(2).mT if name == LINEAR else x).flatten() for name in below])


def changes(held, multiplier=1.0):
    """What a file changes in the outputs."""
    return outputs(held, multiplier) - outputs(held, 0.0)
