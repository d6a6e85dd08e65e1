import json
from pathlib import Path

import pytest
import torch
from pydantic import TypeAdapter

from lorabuild.schema.loss import Loss
from lorabuild.training.losses import LOSSES, per_sample, thresholds

KNOWN = json.loads((Path(__file__).parents[1] / "data" / "losses.json").read_text("utf-8"))
BY_TIMESTEP = KNOWN["huber_c_per_timestep"]
WHOLE = KNOWN["conditional_loss"]


def made(**words):
    return TypeAdapter(Loss).validate_python(words)


def schedule(number=1000):
    return (1 - torch.linspace(0.00085**0.5, 0.012**0.5, number) ** 2).cumprod(0)


def parsed(name):
    """``smooth_l1_exponential_c0.1_scale2`` as settings."""
    kind, _, rest = name.replace("smooth_l1", "smoothl1").partition("_")
    form, c, scale = rest.split("_")
    kind = kind.replace("smoothl1", "smooth_l1")
    return made(type=kind, schedule=form, c=float(c[1:]), scale=float(scale.removeprefix("scale")))


@pytest.mark.parametrize("name", BY_TIMESTEP["values"])
def test_thresholds_equal_the_standard_trainer(name):
    found = thresholds(parsed(name), schedule())[torch.tensor(BY_TIMESTEP["timesteps"])]
    torch.testing.assert_close(found, torch.tensor(BY_TIMESTEP["values"][name]), rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", WHOLE["values"])
def test_losses_equal_the_standard_trainer(name):
    kind = next(word for word in sorted(LOSSES, key=len, reverse=True) if name.startswith(word))
    form = name.removeprefix(kind).strip("_")
    settings = made(type=kind, **({"schedule": form} if form else {}))
    known, prediction, target = WHOLE["values"][name], torch.tensor(WHOLE["pred"]), torch.tensor(WHOLE["target"])
    by_time = thresholds(settings, schedule())
    c = None if by_time is None else by_time[torch.tensor(WHOLE["timesteps"])]
    if known["huber_c"]:
        torch.testing.assert_close(c, torch.tensor(known["huber_c"]), rtol=0, atol=1e-6)
    each = LOSSES[kind](prediction, target, None if c is None else c.view(-1, 1, 1, 1))
    torch.testing.assert_close(each, torch.tensor(known["loss"]), rtol=0, atol=1e-6)
    mean = per_sample(kind, prediction, target, c)
    torch.testing.assert_close(mean, torch.tensor(known["per_sample_mean"]), rtol=0, atol=1e-6)


def test_only_scheduled_losses_have_thresholds():
    assert thresholds(made(type="l2"), schedule()) is None
    assert thresholds(made(type="l1"), schedule()) is None
    assert thresholds(made(type="log_cosh"), schedule()) is None


def test_thresholds_where_no_signal_is_left():
    found = thresholds(made(type="huber", c=0.2), torch.tensor([0.5, 0.0]))
    assert found[1].item() == pytest.approx(0.2)


@pytest.mark.parametrize("name", LOSSES)
def test_zero_at_equality_finite_gradient_and_float32(name):
    prediction, c = torch.randn(2, 4, 3, 3, dtype=torch.bfloat16, requires_grad=True), torch.tensor([0.1, 1.0])
    same = per_sample(name, prediction, prediction.detach(), c)
    assert same.tolist() == [0, 0]
    same.sum().backward()
    assert prediction.grad.isfinite().all()
    found = per_sample(name, prediction, torch.zeros(2, 4, 3, 3), c)
    assert found.dtype == torch.float32
    found.sum().backward()
    assert prediction.grad.isfinite().all()


def test_small_differences_are_not_lost():
    tiny = torch.full((1, 1), 1e-5)
    assert LOSSES["smooth_l1"](tiny, torch.zeros(1, 1), torch.ones(1, 1)).item() == pytest.approx(1e-10, rel=1e-4)


def test_weights_multiply_every_element_before_the_mean():
    prediction, target = torch.randn(2, 3, 4, 4), torch.randn(2, 3, 4, 4)
    weights = torch.zeros(2, 1, 4, 4)
    weights[0, :, :2], weights[1] = 0.5, 1.0
    found = per_sample("l2", prediction, target, None, weights)
    assert found[1].item() == per_sample("l2", prediction, target)[1].item()
    half = (prediction[0, :, :2] - target[0, :, :2]).square().mean() / 4
    torch.testing.assert_close(found[0], half)


def test_log_cosh_is_square_near_zero_and_straight_far_off():
    far = torch.tensor([0.0, 1e-3, 1.0, -1.0, 50.0])
    expected = torch.tensor([0.0, 0.5e-6, 0.4337808, 0.4337808, 50 - 0.6931472])
    found = LOSSES["log_cosh"](far, torch.zeros(5))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-7)
    assert LOSSES["log_cosh"](far, far).tolist() == [0.0] * 5
    at = torch.tensor([-1e4, 0.0, 1e4], requires_grad=True)
    LOSSES["log_cosh"](at, torch.zeros(3)).sum().backward()
    torch.testing.assert_close(at.grad, torch.tensor([-1.0, 0.0, 1.0]))
