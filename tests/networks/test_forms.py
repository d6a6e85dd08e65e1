"""The tensors of every type mean what clients take them for: closed formulas, written out once more."""

import pytest
import torch
from torch import nn

from lorabuild.networks import attach
from lorabuild.networks.diag_oft import Turning
from lorabuild.networks.dora import Dora
from lorabuild.networks.dylora import Dynamic, cut
from lorabuild.networks.full import Difference
from lorabuild.networks.ia3 import Factors
from lorabuild.networks.loha import Hadamard
from lorabuild.networks.lokr import Kronecker, parted
from lorabuild.networks.lora import LowRank
from lorabuild.networks.merge import merge
from lorabuild.schema.network import IA3, DiagOFT, DyLoRA, Full, LoCon, LoHa, LoKr, LoRA, LoRAFA

OUT, IN, R = 12, 8, 3
LAYERS = {"linear": (OUT, IN), "point": (OUT, IN, 1, 1), "kernel": (OUT, IN, 3, 3)}


def layer(size, *, bias=True):
    made = nn.Linear(IN, OUT, bias) if len(size) == 2 else nn.Conv2d(IN, OUT, size[2], padding="same", bias=bias)
    return made.requires_grad_(requires_grad=False)


def tensors(**shapes):
    generator = torch.Generator().manual_seed(3)
    return {name.replace("__", "."): torch.randn(shape, generator=generator) * 0.3 for name, shape in shapes.items()}


def spread(size):
    return () if len(size) == 2 else size[2:]


def loha(size):
    flat = IN * int(torch.tensor(spread(size) or (1,)).prod())
    found = tensors(hada_w1_a=(OUT, R), hada_w1_b=(R, flat), hada_w2_a=(OUT, R), hada_w2_b=(R, flat))
    wanted = (found["hada_w1_a"] @ found["hada_w1_b"]) * (found["hada_w2_a"] @ found["hada_w2_b"])
    return found, wanted.view(size) * 1.5 / R


def lokr(size):
    kernel = spread(size)
    found = tensors(lokr_w1=(2, 2), lokr_w2_a=(6, R), lokr_w2_b=(R, 4 * int(torch.tensor(kernel or (1,)).prod())))
    second = (found["lokr_w2_a"] @ found["lokr_w2_b"]).view(6, 4, *kernel)
    first = found["lokr_w1"].view(2, 2, *(1 for _ in kernel))
    return found, torch.kron(first, second) * 1.5 / R


def lokr_whole(size):
    found = tensors(lokr_w1_a=(2, R), lokr_w1_b=(R, 2), lokr_w2=(6, 4, *spread(size)))
    first = (found["lokr_w1_a"] @ found["lokr_w1_b"]).view(2, 2, *(1 for _ in spread(size)))
    return found, torch.kron(first, found["lokr_w2"]) * 1.5 / R


def lora(size):
    found = tensors(lora_down__weight=(R, IN, *spread(size)), lora_up__weight=(OUT, R, *(1 for _ in spread(size))))
    wanted = found["lora_up.weight"].flatten(1) @ found["lora_down.weight"].flatten(1)
    return found, wanted.view(size) * 1.5 / R


ADDED = {"lora": lora, "loha": loha, "lokr": lokr, "lokr whole": lokr_whole}


def loaded(below, state):
    return attach.load({"lora_unet_a": below}, {f"lora_unet_a.{name}": tensor for name, tensor in state.items()})


def agrees(below, adapter, wanted):
    """The forward, at several strengths, is that of the wanted weight; so is what merging leaves."""
    plain, x = below.weight.clone(), torch.randn(2, 5, IN) if below.weight.dim() == 2 else torch.randn(2, IN, 5, 4)
    for strength in (1.0, 0.4, -1.0):
        adapter.multiplier = strength
        found = below(x)
        adapter.detach()
        with torch.no_grad():
            below.weight.copy_(plain + strength * (wanted - plain))
        torch.testing.assert_close(found, below(x), rtol=1e-4, atol=1e-5)
        below.weight.data.copy_(plain)
        adapter.attach()
    adapter.multiplier = 1.0
    merge(adapter)
    torch.testing.assert_close(below.weight, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("size", LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize("kind", ADDED)
def test_differences(kind, size):
    below = layer(size)
    state, added = ADDED[kind](size)
    agrees(below, loaded(below, state | {"alpha": torch.tensor(1.5)}), below.weight + added)


@pytest.mark.parametrize("size", LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize("kind", ADDED)
def test_dora_along_the_inputs(kind, size):
    below = layer(size)
    state, added = ADDED[kind](size)
    whole, scale = below.weight + added, torch.rand(1, IN, *(1 for _ in spread(size))) + 0.5
    norm = whole.transpose(0, 1).flatten(1).norm(dim=1).view(scale.shape) + torch.finfo(torch.float32).eps
    adapter = loaded(below, state | {"alpha": torch.tensor(1.5), "dora_scale": scale})
    assert isinstance(adapter.layer("lora_unet_a"), Dora)
    agrees(below, adapter, whole * scale / norm)


@pytest.mark.parametrize("size", LAYERS.values(), ids=LAYERS)
def test_turning(size):
    below = layer(size)
    blocks = torch.randn(4, 3, 3) * 0.3
    skew = blocks - blocks.transpose(1, 2)
    rotation = (torch.eye(3) + skew) @ torch.linalg.inv(torch.eye(3) - skew)
    wanted = torch.einsum("knm, kn... -> km...", rotation, below.weight.view(4, 3, *size[1:])).reshape(size)
    torch.testing.assert_close(wanted.flatten(1).norm(dim=0), below.weight.flatten(1).norm(dim=0))
    agrees(below, loaded(below, {"oft_blocks": blocks, "alpha": torch.tensor(0.0)}), wanted)


@pytest.mark.parametrize("size", LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize("on_input", [False, True])
def test_factors(size, on_input):
    below = layer(size)
    factors, ones = torch.randn(IN if on_input else OUT) * 0.3, [1] * (len(size) - 2)
    shape = (len(factors),) if len(size) == 2 else (1, len(factors), 1, 1)
    state = {"weight": factors.view(shape), "on_input": torch.tensor(on_input)}
    agrees(below, loaded(below, state), below.weight * (1 + factors.view(*((1, -1) if on_input else (-1, 1)), *ones)))


def test_full_with_a_bias():
    below, x = layer((OUT, IN)), torch.randn(3, IN)
    state = tensors(diff=(OUT, IN), diff_b=(OUT,))
    wanted = nn.functional.linear(x, below.weight + state["diff"], below.bias + state["diff_b"])
    adapter = loaded(below, state)
    torch.testing.assert_close(below(x), wanted)
    merge(adapter)
    torch.testing.assert_close(below(x), wanted)


KINDS = {
    LoRA: LowRank,
    LoCon: LowRank,
    LoRAFA: LowRank,
    DyLoRA: LowRank,
    LoHa: Hadamard,
    LoKr: Kronecker,
    IA3: Factors,
    DiagOFT: Turning,
    Full: Difference,
}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_what_is_saved_is_recognised(kind):
    below, x = layer((OUT, IN)), torch.randn(3, IN)
    adapter = attach.attach({"lora_unet_a_to_k": below}, kind(), 0)
    with torch.no_grad():
        for one in adapter.trained():
            one.parameter.add_(torch.randn(one.parameter.shape) * 0.1)
    wanted, state = below(x), adapter.state()
    adapter.detach()
    again = attach.load({"lora_unet_a_to_k": below, "lora_unet_b": layer((OUT, IN))}, state)
    assert type(again.layer("lora_unet_a_to_k")) is KINDS[kind]
    assert torch.equal(below(x), wanted)
    assert len(list(again.layers())) == 1


def test_a_matrix_may_stand_for_a_1x1_kernel_and_the_other_way_round():
    state, added = lora((OUT, IN, 1, 1))
    below = layer((OUT, IN))
    agrees(below, loaded(below, state | {"alpha": torch.tensor(1.5)}), below.weight + added.view(OUT, IN))
    state, added = lora((OUT, IN))
    below = layer((OUT, IN, 1, 1))
    agrees(below, loaded(below, state), below.weight + added.view(OUT, IN, 1, 1) * R / 1.5)


UNREADABLE = {
    "lora_mid.weight": "can't be read here",
    "dora_scale": "only the form along inputs",
    "rescale": "can't be read here",
}


@pytest.mark.parametrize(("suffix", "why"), UNREADABLE.items())
def test_forms_that_clients_read_in_two_ways_are_refused(suffix, why):
    state, _ = lora((OUT, IN))
    with pytest.raises(Exception, match=why):
        loaded(layer((OUT, IN)), state | {suffix: torch.ones(OUT, 1)})


def test_a_constraint_is_refused_and_layers_that_the_model_lacks():
    with pytest.raises(Exception, match="constrained"):
        loaded(layer((OUT, IN)), {"oft_blocks": torch.zeros(4, 3, 3), "alpha": torch.tensor(0.1)})
    with pytest.raises(Exception, match=r"has the layer lora_unet_b, which this model lacks"):
        attach.load({"lora_unet_a": layer((OUT, IN))}, {"lora_unet_b.diff": torch.zeros(OUT, IN)})


@pytest.mark.parametrize(
    ("channels", "factor", "wanted"),
    [
        (320, 8, (8, 40)),
        (768, 8, (8, 96)),
        (4, 8, (2, 2)),
        (32, 8, (4, 8)),
        (12, 8, (3, 4)),
        (320, -1, (16, 20)),
        (7, 4, (1, 7)),
    ],
)
def test_lokr_parts_channels_as_lycoris(channels, factor, wanted):
    assert parted(channels, factor) == wanted


@pytest.mark.parametrize("size", [(OUT, IN), (OUT, IN, 3, 3)], ids=["linear", "kernel"])
def test_dylora_trains_what_cutting_leaves(size):
    below = layer(size)
    x = torch.randn(2, 5, IN) if len(size) == 2 else torch.randn(2, IN, 5, 4)
    adapter = attach.attach({"lora_unet_a": below}, DyLoRA(dim=8, alpha=3, conv_dim=8, conv_alpha=3, unit=2), 0)
    own = adapter.layer("lora_unet_a")
    assert isinstance(own, Dynamic)
    nn.init.normal_(own.lora_up, generator=torch.Generator().manual_seed(1))
    state, seen = adapter.state(), set()
    for seed in range(12):
        adapter.begin([seed, seed])
        found = below(x)
        (found.square().sum()).backward()
        learning = own.lora_up.grad.flatten(1).abs().sum(0).nonzero().flatten().tolist()
        assert learning == own.lora_down.grad.flatten(1).abs().sum(1).nonzero().flatten().tolist()
        assert len(learning) == 2
        own.zero_grad()
        adapter.detach()
        share = (learning[-1] + 1) / 8
        seen.add(share)
        short = attach.load({"lora_unet_a": below}, cut(state, share))
        assert len(short.layer("lora_unet_a").lora_down) == learning[-1] + 1
        torch.testing.assert_close(below(x), found, rtol=1e-4, atol=1e-5)
        short.detach()
        adapter.attach()
    assert seen == {0.25, 0.5, 0.75, 1.0}


def test_the_last_block_of_a_dylora_may_be_smaller():
    below = layer((OUT, IN))
    own = attach.attach({"lora_unet_a": below}, DyLoRA(dim=7, unit=3), 0)
    learned = set()
    for seed in range(8):
        own.begin([seed])
        below(torch.randn(1, IN)).square().sum().backward()
        learned.add(tuple(own.layer("lora_unet_a").lora_up.grad.abs().sum(0).nonzero().flatten().tolist()))
        own.modules.zero_grad()
    assert learned == {(0, 1, 2), (3, 4, 5), (6,)}


def test_rs_lora_says_its_strength_with_alpha():
    below = layer((OUT, IN))
    plain = attach.attach({"lora_unet_a": below}, LoRA(dim=9, alpha=2, rs_lora=True), 0)
    assert plain.layer("lora_unet_a").scale == 2 / 3
    assert plain.state()["lora_unet_a.alpha"] == 6


EITHER_WAY = {
    f"{kind} {name}": (kind, size)
    for kind in ("loha", "lokr", "lokr whole", "turning")
    for name, size in LAYERS.items()
    if kind != "loha" or len(size) == 2  # LoHa's kernels are always built
}


@pytest.mark.parametrize(("kind", "size"), EITHER_WAY.values(), ids=EITHER_WAY)
def test_building_the_weight_and_going_beside_it_are_the_same(monkeypatch, kind, size):
    below = layer(size)
    turning = {
        "oft_blocks": torch.randn(4, 3, 3, generator=torch.Generator().manual_seed(2)),
        "alpha": torch.tensor(0.0),
    }
    state = turning if kind == "turning" else ADDED[kind](size)[0]
    own = loaded(below, state).layer("lora_unet_a")
    x = torch.randn(2, 5, IN) if len(size) == 2 else torch.randn(2, IN, 5, 4)
    answers = []
    for built in (True, False):
        monkeypatch.setattr(type(own), "_builds" if kind == "turning" else "builds", lambda *_, built=built: built)
        given = x.clone().requires_grad_()
        found = below(given)
        found.square().sum().backward()
        answers.append([found.detach(), given.grad, *(parameter.grad.clone() for parameter in own.parameters())])
        own.zero_grad()
    for one, other in zip(*answers, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)
