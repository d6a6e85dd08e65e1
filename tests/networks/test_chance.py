import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from lorabuild.networks.attach import attach
from lorabuild.networks.chance import Chance, Seeds
from lorabuild.schema.network import IA3, DiagOFT, DyLoRA, Full, LoCon, LoHa, LoKr, LoRAFA

HALF = {"dropout": 0.5, "rank_dropout": 0.3, "module_dropout": 0.5}
KINDS = (LoCon, LoHa, LoKr, IA3, DyLoRA, DiagOFT, LoRAFA, Full)
SMALL = {"dim": 4, "alpha": 2, "conv_dim": 4, "conv_alpha": 2, "factor": 2, "only": ("*",), "convolutions": True}


def settings(kind, **more):
    words = {name: value for name, value in (SMALL | HALF | more).items() if name in kind.model_fields}
    return kind(**words)


def stirred(adapter):
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for one in adapter.trained():
            one.parameter.add_(torch.randn(one.parameter.shape, generator=generator), alpha=0.3)
    return adapter


CASES = {kind.__name__: settings(kind) for kind in KINDS}
CASES |= {f"{kind.__name__} dora": settings(kind, dora=True) for kind in (LoCon, LoHa, LoKr)}
LAYERS = {
    "linear": (nn.Linear(6, 8), (5, 6)),
    "flat": (nn.Linear(6, 8), (6,)),
    "kernel": (nn.Conv2d(6, 8, 3), (6, 4, 5)),
}


@pytest.mark.parametrize("place", LAYERS)
@pytest.mark.parametrize("network", CASES.values(), ids=CASES)
def test_a_row_depends_on_its_own_seed_alone(network, place):
    layer, shape = LAYERS[place]
    x = torch.randn(4, *shape, generator=torch.Generator().manual_seed(0))
    adapter = stirred(attach({"lora_unet_a": layer}, network, 0))
    try:
        calm = layer(x)
        adapter.begin([1, 2, 3, 4])
        whole = layer(x)
        assert torch.equal(layer(x), whole)
        adapter.begin([3, 9])
        torch.testing.assert_close(layer(x[2:])[0], whole[2], rtol=1e-5, atol=1e-6)
        adapter.begin([5, 6, 7, 10])
        assert not torch.allclose(layer(x), whole)
        adapter.rest()
        assert torch.equal(layer(x), calm)
    finally:
        adapter.detach()


def test_chunks_of_a_caption_share_a_seed_and_more_chunks_change_nothing():
    layer = nn.Linear(6, 8)
    adapter = stirred(attach({"lora_te_a": layer}, settings(LoCon), 0))
    x = torch.randn(6, 7, 6)
    adapter.begin([1, 2])
    three = layer(x)
    adapter.begin([1])
    torch.testing.assert_close(layer(x[:2]), three[:2])
    adapter.begin([1, 2, 3, 4])
    with pytest.raises(AssertionError, match="6 rows in lora_te_a for 4 seeds"):
        layer(x)


def test_longer_texts_beside_a_row_change_nothing():
    chance = Chance(dropout=0.5, seeds=Seeds((4, 5)), name="a")
    long = chance.thin(torch.ones(2, 152, 16), -1)
    assert torch.equal(chance.thin(torch.ones(2, 77, 16), -1), long[:, :77])


def test_layers_and_purposes_have_masks_of_their_own():
    ones, seeds = torch.ones(1, 4, 64), Seeds((1,))
    drawn = [
        Chance(dropout=0.5, name="a", seeds=seeds).thin(ones, -1)[0, 0],
        Chance(dropout=0.5, name="b", seeds=seeds).thin(ones, -1)[0, 0],
        Chance(ranks=0.5, name="a", seeds=seeds).thin(ones, -1)[0, 0],
    ]
    assert not any(torch.equal(one, other) for one in drawn for other in drawn if one is not other)


@pytest.mark.parametrize("axis", [-1, 1])
def test_shares_and_scales_are_those_of_the_standard_trainer(axis):
    seeds = Seeds(tuple(range(400)))
    ones = torch.ones(400, 8, 3, 3) if axis == 1 else torch.ones(400, 9, 8)
    values = Chance(dropout=0.3, name="a", seeds=seeds).thin(ones, axis)
    assert sorted(values.unique().tolist()) == pytest.approx([0.0, 1 / 0.7])
    assert (values == 0).float().mean().item() == pytest.approx(0.3, abs=0.01)
    ranks = Chance(ranks=0.25, name="a", seeds=seeds).thin(ones, axis).transpose(1, axis).flatten(2)
    assert (ranks == ranks[:, :, :1]).all()
    assert (ranks[..., 0] == 0).float().mean().item() == pytest.approx(0.25, abs=0.03)
    assert ranks.max().item() == pytest.approx(1 / 0.75)
    modules = Chance(module=0.4, name="a", seeds=seeds).thin(ones, axis).flatten(1)
    assert set(modules.unique().tolist()) == {0.0, 1.0}
    assert (modules[:, 0] == 0).float().mean().item() == pytest.approx(0.4, abs=0.06)


def test_a_module_that_rests_is_the_layer_alone():
    layer, x = nn.Linear(6, 8), torch.randn(40, 3, 6)
    plain = layer(x)
    adapter = stirred(attach({"lora_unet_a": layer}, LoHa(dim=2, dora=True, module_dropout=0.5), 0))
    adapter.begin(list(range(40)))
    same = (layer(x) == plain).flatten(1).all(1)
    adapter.detach()
    assert 8 < same.sum() < 32


def test_recomputing_sees_the_same_masks():
    layer = nn.Linear(6, 6).requires_grad_(requires_grad=False)
    adapter = stirred(attach({"lora_unet_a": layer}, settings(DyLoRA), 0))
    x = torch.randn(2, 5, 6, requires_grad=True)

    def gradients(way):
        adapter.begin([1, 2])
        way(x).square().sum().backward()
        found = [parameter.grad.clone() for parameter in adapter.parameters()]
        adapter.modules.zero_grad()
        return found

    plain = gradients(layer)
    again = gradients(lambda x: checkpoint(layer, x, use_reentrant=False))
    assert all(torch.equal(one, other) for one, other in zip(plain, again, strict=True))


def test_nothing_is_drawn_where_nothing_may_rest(monkeypatch):
    monkeypatch.setattr(torch, "rand", None)
    assert not Chance(seeds=Seeds((1, 2))).active
    values = torch.ones(2, 3)
    assert Chance(seeds=Seeds((1, 2))).thin(values, -1) is values
    assert Chance(dropout=0.5).thin(values, -1) is values
