"""Names and shapes of every file are those that the clients were seen to load."""

import json
import re
from pathlib import Path

import pytest
import torch
from torch import nn

from lorabuild.networks.attach import attach
from lorabuild.schema.network import IA3, DiagOFT, DyLoRA, Full, LoCon, LoHa, LoKr

ROWS = json.loads((Path(__file__).parents[1] / "data" / "client_forms.json").read_text("utf-8"))["rows"]
LAYERS = {
    "lin_sq": lambda: nn.Linear(320, 320),
    "lin_rect": lambda: nn.Linear(768, 320),
    "conv1": lambda: nn.Conv2d(320, 320, 1),
    "conv3": lambda: nn.Conv2d(320, 640, 3),
}
EIGHT = {"dim": 8, "alpha": 4, "conv_dim": 8, "conv_alpha": 4}
NETWORKS = {
    "lora": LoCon(**EIGHT),
    "lora rs": LoCon(**EIGHT, rs_lora=True),
    "dora": LoCon(**EIGHT, dora=True),
    "loha": LoHa(**EIGHT),
    "lokr": LoKr(dim=4, conv_dim=4),
    "lokr both": LoKr(dim=2, conv_dim=2, decompose_both=True),
    "lokr whole": LoKr(dim=1024, conv_dim=1024),
    "ia3 in": IA3(only=("*",), on_input=("*",)),
    "ia3 out": IA3(only=("*",), on_input=()),
    "dylora": DyLoRA(**EIGHT),
    "diag_oft": DiagOFT(dim=8, convolutions=True),
    "full": Full(convolutions=True),
}
OURS = [row for row in ROWS if not (row["network"] == "ia3 out" and row["layer"].startswith("conv"))]
"""No client reads a convolution's outputs scaled by IA3, so there is none."""


@pytest.mark.parametrize("row", OURS, ids=lambda row: f"{row['network']} {row['layer']}")
def test_names_and_shapes(row):
    wanted = {name: json.loads(shape) for name, shape in re.findall(r"([\w.]+)(\[[\d, ]*\])", row["tensors"])}
    wanted.pop("diff_b", None)  # LyCORIS trains biases too
    if row["network"] == "dylora" and "conv" in row["layer"]:
        wanted["lora_up.weight"] += [1, 1]  # LyCORIS leaves them out; clients read both
    state = attach({"lora_unet_a": LAYERS[row["layer"]]()}, NETWORKS[row["network"]], 0).state()
    assert {name.partition(".")[2]: list(tensor.shape) for name, tensor in state.items()} == wanted


@pytest.mark.parametrize("name", NETWORKS)
def test_fp16_stays_close(name):
    layer, x = nn.Linear(320, 320).requires_grad_(requires_grad=False), torch.randn(4, 320)
    plain = layer(x)
    adapter = attach({"lora_unet_a": layer}, NETWORKS[name], 0)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for one in adapter.trained():
            one.parameter.add_(torch.randn(one.parameter.shape, generator=generator), alpha=0.05)
    trained = layer(x)
    adapter.load_state({key: tensor.half() for key, tensor in adapter.state().items()})
    assert (layer(x) - trained).norm() < 5e-3 * (trained - plain).norm()
