"""What every network type keeps, with every switch; a new type in the schema is tested on arrival."""

from typing import get_args

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lorabuild.networks.attach import attach, wants_convolutions
from lorabuild.networks.merge import merge
from lorabuild.schema.network import Network

KINDS = {kind.model_fields["type"].default: kind for kind in get_args(get_args(Network)[0])}
NUMBERS = {
    "dim": 4,
    "alpha": 3.0,  # never dim: a forgotten scale shows
    "conv_dim": 3,
    "conv_alpha": 1.5,
    "factor": 2,
    "unit": 1,
    "convolutions": True,
    "on_input": ("*second",),
}
SWITCHES = ("dora", "rs_lora", "decompose_both")
SEED = 7
AT_ZERO = ("ia3", "diag_oft", "full")
"""These start at zero whatever the seed."""


def words(word, **more):
    kind = KINDS[word]
    return kind(only=("*",), **{name: value for name, value in NUMBERS.items() if name in kind.model_fields}, **more)


CASES = {
    " ".join([word, *switches]): words(word, **dict.fromkeys(switches, True))
    for word, kind in KINDS.items()
    for switches in [(), *((one,) for one in SWITCHES if one in kind.model_fields)]
}
CASES["lokr whole"] = words("lokr").model_copy(update={"dim": 64, "conv_dim": 64})

pytestmark = pytest.mark.parametrize("network", CASES.values(), ids=CASES)


class Net(nn.Module):
    """Every kind of layer that adapters sit on, one after the other: 3x3 with stride, 1x1, 3x3, two Linear."""

    def __init__(self):
        super().__init__()
        self.down = nn.Conv2d(3, 6, 3, stride=2, padding=1)
        self.point = nn.Conv2d(6, 10, 1)
        self.conv = nn.Conv2d(10, 4, 3, padding="same", bias=False)
        self.linear = nn.Linear(4, 8)
        self.second = nn.Linear(8, 6, bias=False)

    def forward(self, x):
        inner = self.conv(torch.tanh(self.point(torch.tanh(self.down(x)))))
        return self.second(torch.tanh(self.linear(inner.flatten(2).transpose(1, 2))))


def net():
    torch.manual_seed(0)
    return Net().requires_grad_(requires_grad=False)


def layers(model):
    names = {"lora_unet_down": model.down, "lora_unet_point": model.point, "lora_unet_conv": model.conv}
    return names | {"lora_te_text_model_linear": model.linear, "lora_te_text_model_second": model.second}


def stirred(adapter, amount=0.3):
    """As if trained: no parameter is zero any more."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in adapter.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=amount)
    return adapter


def picture(batch=2):
    return torch.randn(batch, 3, 8, 8, generator=torch.Generator().manual_seed(2))


def test_a_new_adapter_changes_nothing(network):
    model, x = net(), picture()
    before = model(x)
    adapter = attach(layers(model), network, SEED)
    assert adapter.attached
    torch.testing.assert_close(model(x), before, rtol=0, atol=1e-6)


def test_a_trained_adapter_changes_every_layer(network):
    for name in layers(net()):
        model, x = net(), picture()
        before = model(x)
        stirred(attach({name: layers(model)[name]}, network, SEED))
        assert (model(x) - before).abs().max() > 1e-3


def test_detached_is_exactly_the_original(network):
    model, x = net(), picture()
    before, inside = model(x), {name: dict(layer.__dict__) for name, layer in layers(model).items()}
    adapter = stirred(attach(layers(model), network, SEED))
    assert not torch.equal(model(x), before)
    adapter.detach()
    adapter.detach()
    assert not adapter.attached
    assert torch.equal(model(x), before)
    assert {name: dict(layer.__dict__) for name, layer in layers(model).items()} == inside


def test_multiplier_zero_is_exactly_the_original(network):
    model, x = net(), picture()
    before = model(x)
    adapter = stirred(attach(layers(model), network, SEED))
    adapter.multiplier = 0.0
    assert torch.equal(model(x), before)


def test_saved_and_loaded_gives_the_same_output(network):
    model, x = net(), picture()
    adapter = stirred(attach(layers(model), network, SEED))
    wanted, saved = model(x), adapter.state()
    adapter.detach()
    assert all(tensor.dtype == torch.float32 and tensor.is_contiguous() for tensor in saved.values())
    assert not any(tensor.requires_grad for tensor in saved.values())
    again = attach(layers(model), network, SEED + 1)
    again.load_state(saved)
    assert torch.equal(model(x), wanted)
    assert again.state().keys() == saved.keys()


@pytest.mark.parametrize("multiplier", [1.0, -0.5, 2.0])
def test_merged_is_the_forward(network, multiplier):
    model, x = net(), picture()
    adapter = stirred(attach(layers(model), network, SEED))
    adapter.multiplier = multiplier
    wanted = model(x)
    merge(adapter)
    assert not adapter.attached
    torch.testing.assert_close(model(x), wanted, rtol=1e-5, atol=1e-5)


def test_gradients_reach_every_parameter_and_no_weight(network):
    model = net()
    adapter = stirred(attach(layers(model), network, SEED))
    model(picture()).square().mean().backward()
    for parameter in adapter.parameters():
        assert parameter.dtype == torch.float32
        assert parameter.grad is not None
        assert torch.isfinite(parameter.grad).all()
        assert parameter.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in model.parameters())


def test_gradients_are_the_slope(network):
    model = net().double()
    adapter = stirred(attach(layers(model), network, SEED))
    adapter.modules.double()
    x, parameters = picture(1).double(), list(adapter.parameters())

    def loss(*_parameters):
        return model(x).square().sum()

    assert torch.autograd.gradcheck(loss, parameters, fast_mode=True)


def test_one_step_lowers_the_loss(network):
    model, x = net(), picture()
    adapter = attach(layers(model), network, SEED)
    optimizer = torch.optim.SGD(list(adapter.parameters()), lr=0.05)
    losses = []
    for _ in range(4):
        optimizer.zero_grad()
        loss = (model(x) - 1).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses == sorted(losses, reverse=True)


@pytest.mark.parametrize(
    ("half", "close", "mixed"),
    [(torch.bfloat16, 0.05, True), (torch.bfloat16, 0.05, False), (torch.float16, 0.01, False)],
)
def test_half_precision(network, half, close, mixed):
    model, x = net(), picture()
    adapter = stirred(attach(layers(model), network, SEED), 0.1)
    wanted = model(x)
    frozen = torch.float32 if mixed else half
    model.to(frozen)
    with torch.autocast("cpu", half, enabled=mixed):
        found = model(x.to(frozen))
    assert found.dtype == half
    torch.testing.assert_close(found.float(), wanted, rtol=close, atol=close)
    found.float().square().sum().backward()
    assert all(p.dtype == p.grad.dtype == torch.float32 and p.grad.isfinite().all() for p in adapter.parameters())


def test_the_start_is_counted_from_seed_and_name_alone(network):
    def start(seed, names):
        model = net()
        return attach({name: layers(model)[name] for name in names}, network, seed).state()

    names = list(layers(net()))
    torch.manual_seed(99)
    whole, backwards, alone = start(SEED, names), start(SEED, names[::-1]), start(SEED, names[:1])
    assert all(torch.equal(tensor, backwards[key]) for key, tensor in whole.items())
    assert all(torch.equal(tensor, whole[key]) for key, tensor in alone.items())
    other = start(SEED + 1, names)
    assert any(not torch.equal(tensor, other[key]) for key, tensor in whole.items()) == (network.type not in AT_ZERO)


def test_two_adapters_add_up_and_come_off_from_the_top(network):
    model, x = net(), picture()
    before = model(x)
    lower = stirred(attach({"lora_unet_down": model.down}, network, SEED))
    with_lower = model(x)
    upper = stirred(attach(layers(model), network, SEED))
    with pytest.raises(Exception, match="another adapter sits on top"):
        lower.detach()
    upper.detach()
    assert torch.equal(model(x), with_lower)
    lower.detach()
    assert torch.equal(model(x), before)


def test_file_of_another_shape_is_refused(network):
    model = net()
    adapter = attach(layers(model), network, SEED)
    state = adapter.state()
    key = max(state, key=lambda name: state[name].numel())
    with pytest.raises(Exception, match="doesn't fit this adapter"):
        adapter.load_state(state | {key: torch.zeros(1, 1)})
    with pytest.raises(Exception, match="doesn't fit this adapter"):
        adapter.load_state({name: tensor for name, tensor in state.items() if name != key})
    with pytest.raises(Exception, match="which this adapter lacks"):
        adapter.load_state(state | {"lora_unet_elsewhere.alpha": torch.tensor(1.0)})


def test_parameters_by_part(network):
    adapter = attach(layers(net()), network, SEED)
    parts = {part: {id(p) for p in adapter.parameters(part)} for part in ("unet", "text_encoder")}
    assert parts["unet"]
    assert parts["text_encoder"]
    assert not parts["unet"] & parts["text_encoder"]
    assert parts["unet"] | parts["text_encoder"] == {id(p) for p in adapter.parameters()}


def test_says_whether_it_wants_convolutions(network):
    assert wants_convolutions(network) is (network.type != "lora")


@settings(max_examples=20, deadline=None)
@given(
    sizes=st.tuples(st.integers(1, 9), st.sampled_from([2, 3, 4, 8, 9])),
    kernel=st.integers(1, 4),
    stride=st.integers(1, 3),
    padding=st.integers(0, 2),
    dilation=st.integers(1, 2),
    multiplier=st.floats(-2, 2),
)
def test_any_convolution_merges_to_its_forward(network, sizes, kernel, stride, padding, dilation, multiplier):
    torch.manual_seed(3)
    conv = nn.Conv2d(*sizes, kernel, stride=stride, padding=padding, dilation=dilation).requires_grad_(
        requires_grad=False
    )
    adapter = stirred(attach({"lora_unet_conv": conv}, network, SEED))
    adapter.multiplier = multiplier
    x = torch.randn(2, sizes[0], 11, 9)
    wanted = conv(x)
    merge(adapter)
    torch.testing.assert_close(conv(x), wanted, rtol=1e-4, atol=1e-4)


def test_convolutions_that_can_t_carry_it_are_refused(network):
    for odd in (nn.Conv2d(4, 4, 3, groups=2), nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect")):
        with pytest.raises(Exception, match="can't sit on lora_unet_odd"):
            attach({"lora_unet_odd": odd}, network, SEED)
