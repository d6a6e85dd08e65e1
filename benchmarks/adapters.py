"""What each kind of network costs: CPU seconds of a U-Net's forward and backward with it, beside the bare frozen U-Net.

    nice python benchmarks/adapters.py [--side 32] [--rounds 12] [NAME…]

One thread, batch 1, channels (64, 128, 256, 256). Kinds take turns, and the least of each is told: other work on the
machine only ever adds. "plain" is the LoRA as it is usually written: two more layers beside every layer.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
sys.path.insert(0, str(Path(__file__).parents[1]))

import torch
from diffusers import UNet2DConditionModel

from lorabuild.models import kohya
from lorabuild.networks.attach import attach, wants_convolutions
from lorabuild.networks.layer import Below
from lorabuild.schema.network import IA3, DiagOFT, DyLoRA, Full, LoCon, LoHa, LoKr, LoRA, LoRAFA

if TYPE_CHECKING:
    from lorabuild.networks.attach import Adapter

KINDS = {
    "plain": LoRA(),
    "lora": LoRA(),
    "lora_fa": LoRAFA(),
    "lora dora": LoRA(dora=True),
    "loha": LoHa(),
    "lokr": LoKr(dim=16),
    "ia3": IA3(),
    "dylora": DyLoRA(dim=16, alpha=8),
    "diag_oft": DiagOFT(),
    "full": Full(),
    "locon": LoCon(conv_dim=16),
    "locon dora": LoCon(conv_dim=16, dora=True),
    "loha conv": LoHa(conv_dim=8),
    "lokr conv": LoKr(dim=16, conv_dim=16),
}
WIDTH = 256


def unet() -> UNet2DConditionModel:
    torch.manual_seed(0)
    crossing, plain = ["CrossAttn", "CrossAttn", "", ""], ["", "", "CrossAttn", "CrossAttn"]
    made = UNet2DConditionModel(
        block_out_channels=(64, 128, 256, 256),
        layers_per_block=2,
        cross_attention_dim=WIDTH,
        down_block_types=tuple(f"{kind}DownBlock2D" for kind in crossing),
        up_block_types=tuple(f"{kind}UpBlock2D" for kind in plain),
    )
    return made.requires_grad_(requires_grad=False).eval()


def adapter(model: UNet2DConditionModel, name: str) -> Adapter:
    """Stirred, so that no shortcut of zeros is taken; off."""
    layers = kohya.unet_layers(model, convolutions=wants_convolutions(KINDS[name]))
    made = attach(layers, KINDS[name], 0)
    with torch.no_grad():
        for one in made.trained():
            one.parameter.add_(torch.randn_like(one.parameter), alpha=0.01)
    made.detach()
    if name == "plain":
        Below.open = lambda *_: False
    return made


def step(model: UNet2DConditionModel, side: int) -> float:
    """CPU seconds."""
    noisy = torch.randn(1, 4, side, side, requires_grad=True)
    text = torch.randn(1, 77, WIDTH)
    begun = time.process_time()
    model(noisy, torch.tensor([500]), encoder_hidden_states=text).sample.square().mean().backward()
    return time.process_time() - begun


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--side", type=int, default=32)
    asked.add_argument("--rounds", type=int, default=12)
    asked.add_argument("names", nargs="*", default=["plain", "lora"])
    given = asked.parse_args()
    torch.set_num_threads(1)
    model, opened = unet(), Below.open
    spent: dict[str, list[float]] = {"none": []} | {name: [] for name in given.names}
    for _ in range(given.rounds + 1):
        for name, seconds in spent.items():
            made = adapter(model, name).attach() if name != "none" else None
            step(model, given.side)
            seconds.append(step(model, given.side))
            if made:
                made.detach()
            Below.open = opened
    bare = min(spent["none"])
    for name, seconds in spent.items():
        print(f"{name:12} {min(seconds):.3f} s  {100 * (min(seconds) / bare - 1):+.1f} %")


if __name__ == "__main__":
    main()
