import pytest
import torch
from torch import nn

from lorabuild.networks import bypass, kernels
from lorabuild.networks.bypass import inside, low_rank_linear, low_rank_point
from lorabuild.networks.kernels import low_rank_kernel
from lorabuild.networks.layer import Below, Form
from lorabuild.networks.lora import LowRank

RANK, SCALE = 3, 0.7


def tensors(*, bias, dtype=torch.float64):
    torch.manual_seed(0)
    weight, down, up = torch.randn(6, 8), torch.randn(RANK, 8), torch.randn(6, RANK)
    shift = torch.randn(6) if bias else None
    return [None if one is None else one.to(dtype) for one in (weight, shift, down, up)]


def plain(x, weight, bias, down, up):
    return nn.functional.linear(x, weight + SCALE * up @ down, bias)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("rows", [0.0, 1e9], ids=["inside", "beside"])
def test_rows(monkeypatch, rows, bias):
    monkeypatch.setattr(bypass, "ROWS", rows)
    weight, shift, down, up = tensors(bias=bias)
    x = torch.randn(2, 5, 8, dtype=torch.float64)
    torch.testing.assert_close(low_rank_linear(x, weight, shift, down, up, SCALE), plain(x, weight, shift, down, up))
    for one in (x, down, up):
        one.requires_grad_()
    assert torch.autograd.gradcheck(lambda *now: low_rank_linear(now[0], weight, shift, *now[1:], SCALE), (x, down, up))


@pytest.mark.parametrize("rank", [1, RANK])
def test_inside_takes_the_cheaper_way_to_its_gradients(monkeypatch, rank):
    monkeypatch.setattr(bypass, "ROWS", 0.0)
    weight, shift, down, up = tensors(bias=True)
    given = [torch.randn(5, 8, dtype=torch.float64), down[:rank].clone(), up[:, :rank].clone()]
    for one in given:
        one.requires_grad_()
    assert torch.autograd.gradcheck(lambda *now: low_rank_linear(now[0], weight, shift, *now[1:], SCALE), given)


@pytest.mark.parametrize("bias", [True, False])
def test_pictures(bias):
    weight, shift, down, up = tensors(bias=bias)
    shaped = [one[:, :, None, None] for one in (weight, down, up)]
    x = torch.randn(2, 8, 3, 4, dtype=torch.float64)
    found = low_rank_point(x, shaped[0], shift, shaped[1], shaped[2], SCALE)
    wanted = plain(x.permute(0, 2, 3, 1), weight, shift, down, up).permute(0, 3, 1, 2)
    torch.testing.assert_close(found, wanted)
    given = [x.requires_grad_(), shaped[1].clone().requires_grad_(), shaped[2].clone().requires_grad_()]
    assert torch.autograd.gradcheck(lambda *now: low_rank_point(now[0], shaped[0], shift, *now[1:], SCALE), given)


def test_a_frozen_down_keeps_no_inputs():
    weight, shift, down, up = tensors(bias=True, dtype=torch.float32)
    x, kept = torch.randn(50, 8, requires_grad=True), []
    with torch.autograd.graph.saved_tensors_hooks(lambda one: kept.append(one.shape) or one, lambda one: one):
        low_rank_linear(x, weight, shift, down, up.requires_grad_(), SCALE).sum().backward()
    assert (50, 8) not in kept
    assert (50, RANK) in kept


def test_many_rows_go_inside():
    assert inside(4096, 320, 320)
    assert not inside(77, 320, 320)
    assert inside(4096, *Form((64, 64, 3, 3)).flat, kernels.ROWS)
    assert not inside(4096, *Form((320, 320, 3, 3)).flat, kernels.ROWS)


def test_an_opened_layer_loses_nothing():
    layer = nn.Linear(4, 4).requires_grad_(requires_grad=False)
    x = torch.randn(2, 4)
    assert Below(layer).open(x)
    assert not Below(layer).open(x.bfloat16())
    with torch.autocast("cpu", torch.bfloat16):
        assert not Below(layer).open(x)
    assert not Below(layer.bfloat16()).open(x.bfloat16())
    trained = nn.Linear(4, 4)
    assert not Below(trained).open(x)
    covered = nn.Linear(4, 4).requires_grad_(requires_grad=False)
    covered.forward = covered.forward
    assert not Below(covered).open(x)


@pytest.mark.parametrize(
    "settings",
    [{"padding": 1}, {"stride": 2, "padding": 1}, {"dilation": 2}, {"padding": (0, 2), "bias": False}],
    ids=str,
)
def test_kernels(settings):
    layer = nn.Conv2d(4, 5, 3, dtype=torch.float64, **settings).requires_grad_(requires_grad=False)
    torch.manual_seed(0)
    down, up = torch.randn(2, 4, 3, 3, dtype=torch.float64), torch.randn(5, 2, 1, 1, dtype=torch.float64)
    given = [torch.randn(2, 4, 8, 7, dtype=torch.float64), down, up]
    for one in given:
        one.requires_grad_()

    def fused(x, down, up):
        return low_rank_kernel(x, layer.weight, layer.bias, down, up, SCALE, Form.of(layer))

    delta = (up.flatten(1) @ down.flatten(1)).view(layer.weight.shape)
    wanted = Form.of(layer).apply(given[0], layer.weight + SCALE * delta, layer.bias)
    torch.testing.assert_close(fused(*given), wanted)
    assert torch.autograd.gradcheck(fused, given, fast_mode=True)


@pytest.mark.parametrize("kind", ["linear", "point", "kernel", "strided point"])
def test_every_form_is_as_the_plain_one(monkeypatch, kind):
    layer = {
        "linear": lambda: nn.Linear(8, 6),
        "point": lambda: nn.Conv2d(8, 6, 1),
        "kernel": lambda: nn.Conv2d(8, 6, 3, padding=1),
        "strided point": lambda: nn.Conv2d(8, 6, 1, stride=2),
    }[kind]().requires_grad_(requires_grad=False)
    x = torch.randn(2, 7, 8) if kind == "linear" else torch.randn(2, 8, 7, 5)
    own = LowRank(Form.of(layer), RANK, 2.0)
    own.start(1)
    nn.init.normal_(own.lora_up)
    answers = []
    monkeypatch.setattr(kernels, "ROWS", 0.0)
    for form in (own.adapted, super(LowRank, own).adapted):
        x = x.detach().requires_grad_()
        form(x, Below(layer), 0.8).square().sum().backward()
        answers.append([x.grad, *(parameter.grad.clone() for parameter in own.parameters())])
        own.zero_grad()
    for found, wanted in zip(*answers, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)
    memory = x.detach().contiguous(memory_format=torch.channels_last) if kind != "linear" else x.detach()
    torch.testing.assert_close(
        own.adapted(memory, Below(layer), 0.8), super(LowRank, own).adapted(memory, Below(layer), 0.8)
    )
