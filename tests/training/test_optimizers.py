"""lorabuild.training.optimizers, memory: groups and rates, what rests and what stops, and the memory bit by bit."""

import json
import math
import pickle
from importlib.util import find_spec

import pytest
import torch
from safetensors.torch import load, save

from lorabuild.core.errors import ProjectError, StageError
from lorabuild.networks.adapter import Trained
from lorabuild.schema.training import Training
from lorabuild.training.memory import load_optimizer_state, optimizer_state
from lorabuild.training.optimizers import (
    OPTIMIZERS,
    build,
    groups,
    part_lr,
    rate,
    resting,
    set_factor,
    stop_text_encoders,
)

EVERY = {
    **{name: {} for name in OPTIMIZERS if name not in {"adamw8bit", "custom"}},
    "prodigy": {"d0": 1e-4, "d_coef": 4},
    "dadaptation": {"d0": 1e-4},
    "prodigy coupled": {
        "type": "prodigy",
        "decouple": False,
        "beta3": 0.95,
        "growth_rate": 1.02,
        "d0": 1e-3,
        "d_coef": 4,
    },
    "prodigy_plus_schedule_free together": {"type": "prodigy_plus_schedule_free", "split_groups": False},
    "prodigy_plus_schedule_free mean": {"type": "prodigy_plus_schedule_free", "split_groups_mean": True},
    "prodigy_plus_schedule_free speed": {
        "type": "prodigy_plus_schedule_free",
        "use_speed": True,
        "prodigy_steps": 5,
        "d0": 1e-4,
    },
    "prodigy_plus_schedule_free whole": {
        "type": "prodigy_plus_schedule_free",
        "factored": False,
        "use_bias_correction": True,
        "weight_decay": 0.1,
    },
    "adamw_schedule_free warm": {"type": "adamw_schedule_free", "warmup_steps": 5, "r": 1.0},
    "sgd nesterov": {"type": "sgd", "nesterov": True, "weight_decay": 0.1},
    "custom": {"type": "custom", "class": "torch.optim.RAdam", "arguments": {"betas": [0.8, 0.95]}},
    "custom group": {"type": "custom", "class": "torch.optim.ASGD"},
}
if find_spec("bitsandbytes"):  # the extra `gpu`; it runs on a CPU, too
    EVERY["adamw8bit"] = {"weight_decay": 0.1}
FINDS_ITS_STEP = ("prodigy", "dadaptation")
SCHEDULE_FREE = ("prodigy_plus_schedule_free", "adamw_schedule_free")


def words(name):
    return {"type": name.partition(" ")[0]} | EVERY[name]


class Adapter:
    """Four matrices, one zero, one so large that Prodigy-plus factors it and eight bits hold its moments; a vector."""

    PARTS = ("unet", "unet", "text_encoder", "text_encoder_2", "unet")
    SHAPES = ((3, 2), (80, 64), (2, 3), (4, 4), (5,))

    def __init__(self, factors=(1.0,) * 5):
        drawn = torch.Generator().manual_seed(0)
        self.factors = factors
        self.weights = [torch.nn.Parameter(torch.randn(shape, generator=drawn) * 0.1) for shape in self.SHAPES]
        self.weights[0].data.zero_()

    def trained(self):
        for index, (part, weight, factor) in enumerate(zip(self.PARTS, self.weights, self.factors, strict=True)):
            yield Trained(part, f"layer{index}", "weight", weight, factor, up=not index % 2)

    def bits(self):
        return [weight.detach().clone() for weight in self.weights]


def training(optimizer, **more):
    return Training.model_validate({"optimizer": optimizer, **more})


def step(optimizer, adapter, number):
    """One step down a bowl with counted noise."""
    drawn = torch.Generator().manual_seed(number)
    for weight in adapter.weights:
        noise = torch.randn(weight.shape, generator=drawn)
        if weight.requires_grad:
            weight.grad = (weight.detach() - 0.3 + 0.1 * noise).clone()
    set_factor(optimizer, 1 - 0.02 * number if not hasattr(optimizer, "eval") else 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def walk(optimizer, adapter, first, last):
    for number in range(first, last):
        step(optimizer, adapter, number)
    return adapter


def through_a_file(optimizer):
    """What a saved state of an optimizer gives back."""
    tensors, facts = optimizer_state(optimizer)
    return load(save(tensors)), json.loads(json.dumps(facts))


def equal(some, others):
    return all(torch.equal(one, other) for one, other in zip(some, others, strict=True))


@pytest.mark.parametrize("name", EVERY)
def test_saved_and_restored_it_goes_on_bit_by_bit(name, capsys, monkeypatch):
    for way in ("dump", "dumps", "load", "loads"):
        monkeypatch.setattr(pickle, way, None)
    settings = training(words(name))
    straight, halfway = Adapter(), Adapter()
    whole = build(settings, straight)
    walk(whole, straight, 0, 6)
    half = build(settings, halfway)
    walk(half, halfway, 0, 3)
    tensors, facts = through_a_file(half)
    grown = [group["d"] for group in half.param_groups if "k" in group and "d" in group]
    assert not grown or grown[0] > words(name).get("d0", 1e-6)
    bits = halfway.bits()
    resumed = Adapter()
    fresh = build(settings, resumed)
    for weight, value in zip(resumed.weights, bits, strict=True):
        weight.data.copy_(value)
    load_optimizer_state(fresh, tensors, facts)
    assert through_a_file(fresh)[1] == facts
    walk(fresh, resumed, 3, 6)
    assert equal(resumed.bits(), straight.bits())
    assert not equal(resumed.bits(), bits)
    assert not grown or fresh.param_groups[0]["d"] > grown[0]
    again, same = through_a_file(fresh)
    expected, numbers = through_a_file(whole)
    assert same == numbers
    assert again.keys() == expected.keys()
    assert all(again[key].dtype == expected[key].dtype and torch.equal(again[key], expected[key]) for key in expected)
    assert capsys.readouterr().out == ""


def test_every_optimizer_is_in_the_contract():
    assert {name.partition(" ")[0] for name in EVERY} | {"adamw8bit"} == set(OPTIMIZERS)


@pytest.mark.parametrize("name", EVERY)
def test_descends_a_bowl(name):
    adapter = Adapter()
    kind = words(name)
    if kind["type"] not in FINDS_ITS_STEP and not kind["type"].startswith("prodigy_plus"):
        kind |= {"lr": 0.02}
    optimizer = build(training(kind), adapter)
    with resting(optimizer):
        before = sum(float(((weight.detach() - 0.3) ** 2).sum()) for weight in adapter.weights)
    for number in range(120):
        step(optimizer, adapter, 0 if number else 1)
    with resting(optimizer):
        assert sum(float(((weight.detach() - 0.3) ** 2).sum()) for weight in adapter.weights) < before


@pytest.mark.parametrize("name", EVERY)
def test_a_stopped_text_encoder_stands_still_bit_by_bit(name):
    adapter = Adapter()
    optimizer = build(training(words(name) | ({} if "custom" in name else {"weight_decay": 0.1})), adapter)
    walk(optimizer, adapter, 0, 4)
    before = adapter.bits()
    for number in range(4, 8):
        stop_text_encoders(optimizer)
        step(optimizer, adapter, number)
    after = adapter.bits()
    moved = [not torch.equal(one, other) for one, other in zip(before, after, strict=True)]
    assert moved == [part == "unet" for part in Adapter.PARTS]
    assert rate(optimizer, "text_encoder") == rate(optimizer, "text_encoder_2") == 0 < rate(optimizer, "unet")
    assert [weight.requires_grad for weight in adapter.weights] == moved


@pytest.mark.parametrize("name", ["adamw", "prodigy", *SCHEDULE_FREE])
def test_resumed_behind_the_end_of_the_text_encoders(name):
    settings = training(words(name))
    straight, halfway, resumed = Adapter(), Adapter(), Adapter()
    whole, half, fresh = (build(settings, adapter) for adapter in (straight, halfway, resumed))
    for optimizer, adapter, last in ((whole, straight, 6), (half, halfway, 4)):
        walk(optimizer, adapter, 0, 2)
        stop_text_encoders(optimizer)
        walk(optimizer, adapter, 2, last)
    for weight, value in zip(resumed.weights, halfway.bits(), strict=True):
        weight.data.copy_(value)
    load_optimizer_state(fresh, *through_a_file(half))
    stop_text_encoders(fresh)
    walk(fresh, resumed, 4, 6)
    assert equal(resumed.bits(), straight.bits())


@pytest.mark.parametrize("name", EVERY)
def test_resting_leaves_no_trace(name):
    settings = training(words(name))
    disturbed, left_alone = Adapter(), Adapter()
    one, other = build(settings, disturbed), build(settings, left_alone)
    walk(one, disturbed, 0, 7)
    walk(other, left_alone, 0, 7)
    before = disturbed.bits()
    with resting(one):
        assert equal(disturbed.bits(), before) != hasattr(one, "eval")
        with pytest.raises(RuntimeError, match="drawing"), resting(other):
            raise RuntimeError("drawing went wrong")
    assert equal(disturbed.bits(), before)
    walk(one, disturbed, 7, 9)
    walk(other, left_alone, 7, 9)
    assert equal(disturbed.bits(), left_alone.bits())
    assert through_a_file(one)[1] == through_a_file(other)[1]


def test_schedule_free_rests_at_the_average():
    adapter = Adapter()
    optimizer = build(training({"type": "adamw_schedule_free", "lr": 0.1, "weight_decay": 0}), adapter)
    walked = []
    for number in range(5):
        step(optimizer, adapter, number)
        walked.append(optimizer.state[adapter.weights[1]]["z"].clone())
    with resting(optimizer):
        torch.testing.assert_close(adapter.weights[1].data, torch.stack(walked).mean(0))


def test_groups_are_part_factor_and_side():
    settings = training({"type": "adamw", "lr": 0.1}, text_encoder_lr=0.02, loraplus_ratio=16)
    made = groups(settings, Adapter(factors=(1.0, 1.0, 1.0, 0.5, 0.5)).trained())
    assert [(group["part"], group["scale"], len(group["params"])) for group in made] == [
        ("unet", 16.0, 1),
        ("unet", 1.0, 1),
        ("text_encoder", 16.0, 1),
        ("text_encoder_2", 0.5, 1),
        ("unet", 8.0, 1),
    ]
    assert [group["lr"] for group in made] == pytest.approx([1.6, 0.1, 0.32, 0.01, 0.8])


def test_equal_scales_share_a_group():
    made = groups(training({"type": "adamw"}), Adapter().trained())
    assert [(group["part"], len(group["params"])) for group in made] == [
        ("unet", 3),
        ("text_encoder", 1),
        ("text_encoder_2", 1),
    ]


def test_what_has_factor_nothing_is_not_trained():
    adapter = Adapter(factors=(0.0, 1.0, 1.0, 0.0, 1.0))
    optimizer = build(training({"type": "prodigy"}), adapter)
    before = adapter.bits()
    walk(optimizer, adapter, 0, 3)
    still = [torch.equal(one, other) for one, other in zip(before, adapter.bits(), strict=True)]
    assert still == [True, False, False, True, False]
    assert rate(optimizer, "text_encoder_2") == 0
    with pytest.raises(ProjectError, match="no layer is trained"):
        build(training({"type": "adamw"}), Adapter(factors=(0.0,) * 5))
    words = Adapter(factors=(0.0, 0.0, 1.0, 1.0, 0.0))
    build(training({"type": "adamw"}), words)
    with pytest.raises(ProjectError, match="nothing would be left to train") as caught:
        build(training({"type": "adamw"}, text_encoder_end=0.5), words)
    assert caught.value.where == "training.text_encoder_end"


def test_parts_have_their_own_rates():
    settings = training({"type": "adamw", "lr": 0.1}, unet_lr=0.3, text_encoder_lr=0.02)
    assert [part_lr(settings, part) for part in ("unet", "text_encoder", "text_encoder_2")] == [0.3, 0.02, 0.02]
    settings = training({"type": "adamw", "lr": 0.1}, text_encoder_lr=0.02, text_encoder_2_lr=0.01, loraplus_ratio=4)
    optimizer = build(settings, Adapter())
    set_factor(optimizer, 0.5)
    rates = [rate(optimizer, part) for part in ("unet", "text_encoder", "text_encoder_2")]
    assert rates == pytest.approx([0.05, 0.01, 0.005])


@pytest.mark.parametrize("name", FINDS_ITS_STEP)
def test_one_rate_for_everything(name):
    for more in ({"text_encoder_lr": 0.5}, {"loraplus_ratio": 16}):
        with pytest.raises(ProjectError, match="one learning rate"):
            build(training({"type": name}, **more), Adapter())
    with pytest.raises(ProjectError, match="one learning rate"):
        build(training({"type": name}), Adapter(factors=(1.0, 0.5, 1.0, 1.0, 1.0)))
    assert build(training({"type": name}, unet_lr=0.5, text_encoder_lr=0.5), Adapter())


@pytest.mark.parametrize("name", [*FINDS_ITS_STEP, "prodigy coupled", "prodigy_plus_schedule_free"])
def test_a_found_rate_is_what_it_steps_with(name):
    adapter = Adapter()
    optimizer = build(training(words(name)), adapter)
    walk(optimizer, adapter, 0, 9)
    group = optimizer.param_groups[0]
    assert rate(optimizer, "unet") == pytest.approx(group["d"] * group["lr"])
    assert group["d"] > words(name).get("d0", 1e-6)


def test_prodigy_plus_finds_a_step_for_every_group_or_their_mean():
    adapter, other = Adapter(), Adapter()
    apart = build(training({"type": "prodigy_plus_schedule_free"}, text_encoder_lr=0.5), adapter)
    walk(apart, adapter, 0, 9)
    found = [group["d"] for group in apart.param_groups]
    assert len(set(found)) > 1
    mean = build(training({"type": "prodigy_plus_schedule_free", "split_groups_mean": True}), other)
    walk(mean, other, 0, 9)
    assert rate(mean, "unet") == rate(mean, "text_encoder") == mean.param_groups[0]["shared_d"]


def test_a_warm_up_of_the_optimizer_s_own_is_seen_in_the_rate():
    adapter = Adapter()
    optimizer = build(training({"type": "adamw_schedule_free", "lr": 0.1, "warmup_steps": 4}), adapter)
    step(optimizer, adapter, 0)
    assert rate(optimizer, "unet") == pytest.approx(0.025)


def test_what_can_t_be_saved_is_said():
    adapter = Adapter()
    optimizer = build(training({"type": "adamw"}), adapter)
    optimizer.state[adapter.weights[0]]["odd"] = object()
    with pytest.raises(StageError, match=r"AdamW keeps a object \(`0/odd`\)"):
        optimizer_state(optimizer)


def test_every_kind_of_memory_comes_back():
    adapter = Adapter()
    optimizer, fresh = (build(training({"type": "sgd"}), adapter) for _ in range(2))
    book = torch.arange(4, dtype=torch.uint8)
    held = {"a": [1, (2.5, None)], "b": {"c": True, 3: "x"}, "book": book, "nan": math.inf, "half": book.bfloat16()}
    optimizer.state[adapter.weights[0]] = held
    optimizer.state[adapter.weights[1]] = {"book": book}
    optimizer.state["all"] = {"step": 7}
    tensors, facts = through_a_file(optimizer)
    assert len(tensors) == 2
    load_optimizer_state(fresh, tensors, facts)
    first, second = fresh.state[adapter.weights[0]], fresh.state[adapter.weights[1]]
    assert {name: value for name, value in first.items() if name not in {"book", "half"}} == {
        name: value for name, value in held.items() if name not in {"book", "half"}
    }
    assert first["book"] is second["book"]
    assert first["book"].dtype == torch.uint8
    assert first["half"].dtype == torch.bfloat16
    assert fresh.state["all"] == {"step": 7}


class Paged(torch.optim.SGD):
    """Moments lie in memory that the optimizer hands out, as bitsandbytes' paged ones do."""

    is_paged = True

    def get_state_buffer(self, parameter, dtype):
        self.handed_out = torch.empty(parameter.shape, dtype=dtype)
        return self.handed_out


def test_paged_moments_come_back_into_paged_memory():
    weight = torch.nn.Parameter(torch.zeros(3))
    optimizer, fresh = Paged([weight], lr=1), Paged([weight], lr=1)
    optimizer.state[weight] = {"state1": torch.tensor([1, 2, 3], dtype=torch.uint8), "absmax1": torch.ones(1)}
    load_optimizer_state(fresh, *through_a_file(optimizer))
    assert fresh.state[weight]["state1"] is fresh.handed_out
    assert fresh.handed_out.tolist() == [1, 2, 3]
    assert fresh.state[weight]["absmax1"].tolist() == [1]
