"""Fp16 with scaled losses, as it trains on a GPU, shown on a CPU: nobody is let train so there, for it is slow."""

import contextlib
import math
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save
from small_course import Device, Small
from tiny_training import TinyAdapter, TinyModel, Trained, settings
from torch.amp import GradScaler

from lorabuild.core.errors import StageError
from lorabuild.schema.network import LoRA
from lorabuild.training import loop, moving
from lorabuild.training.moving import Moving

WORDS = {"batch": 2, "accumulation": 2, "max_grad_norm": 0.05, "optimizer": {"type": "sgd", "lr": 4.0}}


@pytest.fixture
def scaler(monkeypatch):
    """The scalers of fp16 trainings; the first number is what they begin with."""
    made = [2.0**16]

    def make(training, _device):
        made.append(GradScaler("cpu", init_scale=made[0]) if training.precision == "fp16" else None)
        return made[-1]

    monkeypatch.setattr(loop, "scaler", make)
    return made


def small(base, precision="fp16", **words):
    return Small(base, LoRA(dim=4), Device(half=precision == "fp16"), **WORDS | words, precision=precision)


def apart(one, other):
    """How far two trained adapters are from one another, as a share of what was learned."""
    one, other = ({name: tensor for name, tensor in made.state().items() if "up" in name} for made in (one, other))
    distance = sum(float((tensor - other[name]).square().sum()) for name, tensor in one.items())
    return math.sqrt(distance / sum(float(tensor.square().sum()) for tensor in one.values()))


def test_it_learns_what_fp32_learns(base, tmp_path, scaler):
    half, full = small(base, train="both"), small(base, "fp32", train="both")
    rows, known = half.run(tmp_path / "half", 2).rows, full.run(tmp_path / "full", 2).rows
    assert scaler[1].state_dict()["_growth_tracker"] == len(rows) == 2  # once for each step, whatever its batches
    assert [row.loss for row in rows] == pytest.approx([row.loss for row in known], rel=1e-3)
    assert [row.grad_norm for row in rows] == pytest.approx([row.grad_norm for row in known], rel=5e-3)
    assert min(row.grad_norm for row in known) > 0.05  # what is clipped are the gradients themselves
    assert apart(full.adapter, half.adapter) < 0.02
    assert all(parameter.dtype == torch.float32 for parameter in half.adapter.parameters())


class Enough(Exception):  # noqa: N818 - not an error
    pass


def stop(row):
    if row.step == 2:
        raise Enough


def test_real_overflows_are_passed_over_and_a_resumed_training_gives_the_same_bytes(base, tmp_path, scaler):
    scaler[0] = 2.0**22
    words = {"batch": 4, "train": "unet", "optimizer": {"type": "prodigy"}, "ema": {"decay": 0.9}}
    words |= {"accumulation": 1, "save_state_every": 1}
    whole = small(base, **words).run(tmp_path / "whole", 3)
    assert [math.isfinite(row.grad_norm) for row in whole.rows] == [False, True, True]
    assert whole.rows[1].weight_norm == whole.rows[0].weight_norm  # norms are taken before a step
    with contextlib.suppress(Enough):
        small(base, **words).run(tmp_path / "cut", 3, stop)
    again = small(base, **words).run(tmp_path / "cut", 3)
    assert again.whole() == whole.whole()
    assert scaler[3].state_dict() == scaler[1].state_dict()


@pytest.mark.parametrize("kind", ["adamw", "prodigy", "adamw_schedule_free", "lion", "adafactor"])
def test_a_step_that_is_passed_over_changes_the_scale_and_nothing_else(kind):
    adapter, scaler = TinyAdapter(TinyModel()), GradScaler("cpu", init_scale=8.0)
    made = Moving(settings(optimizer={"type": kind, "lr": 1.0}, ema={"decay": 0.9}), adapter, scaler)

    def step(number, value):
        for parameter in made.parameters:
            parameter.grad = torch.full_like(scaler.scale(parameter.detach()), value)
        loop.measured(made, 1.0)
        made.step(number)
        return save(made.state()[0]), made.state()[1]

    first = step(0, 1.0)
    over = step(1, math.inf)
    assert over[0] == first[0]
    assert over[1] == {**first[1], "scaler": {**first[1]["scaler"], "scale": 4.0, "_growth_tracker": 0}}
    assert step(2, 1.0)[0] != first[0]


@pytest.fixture
def scaled(monkeypatch):
    """The one scaler of whatever is trained."""
    made = GradScaler("cpu")
    monkeypatch.setattr(loop, "scaler", lambda _training, _device: made)
    return made


def test_a_loss_that_is_no_number_stops_as_ever_and_names_the_image(tmp_path, scaled):
    with pytest.raises(StageError, match=r"the loss is no longer a number at step \d \(epoch 1\), with folder/3.png\n"):
        Trained(tmp_path, settings(), twisted=3)
    assert scaled.get_scale() == 2.0**16


def test_gradients_that_overflow_at_every_scale_stop_it(tmp_path, scaled):
    def steep(objective):
        def measure(prepared):
            distances = objective.measure(prepared)
            return distances + (distances - distances.detach()).abs().sqrt()

        return SimpleNamespace(prepare=objective.prepare, measure=measure)

    with pytest.raises(StageError, match=r"(?s)the gradient is no longer a number at step 31 .*fp32"):
        Trained(tmp_path, settings(), epochs=9, around=steep)
    assert scaled.get_scale() == loop.LEAST_SCALE


def test_a_process_without_a_share_of_the_first_batch_has_a_scale():
    made = moving.scaler(settings(precision="fp16"), torch.device("cpu"))
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=1.0)
    optimizer.param_groups[0]["params"][0].grad = torch.ones(1)
    made.unscale_(optimizer)
    assert optimizer.param_groups[0]["params"][0].grad.item() == 1 / 2**16
