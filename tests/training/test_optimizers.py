import pytest
import torch
from prodigyopt import Prodigy

from lorabuild.core.errors import ProjectError
from lorabuild.schema.training import Training
from lorabuild.training.optimizers import OPTIMIZERS, build, check, rate, set_factor


def parameters(seed=0):
    drawn = torch.Generator().manual_seed(seed)
    return {
        part: [torch.nn.Parameter(torch.randn(3, 2, generator=drawn)) for _ in range(2)]
        for part in ("unet", "text_encoder")
    }


def training(**words):
    return Training.model_validate(words)


def descend(optimizer, parts, steps=5):
    for _ in range(steps):
        loss = sum((tensor**2).sum() for members in parts.values() for tensor in members)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return loss.item()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_descends_a_quadratic(name, capsys):
    parts = parameters()
    optimizer = build(training(optimizer={"type": name}), parts)
    before = descend(optimizer, parts, 1)
    assert descend(optimizer, parts, 30) < before
    assert capsys.readouterr().out == ""


def test_adamw_equals_plain_torch():
    parts, plain = parameters(), parameters()
    words = {"type": "adamw", "lr": 0.1, "weight_decay": 0.3, "betas": [0.8, 0.9]}
    descend(build(training(optimizer=words), parts), parts)
    reference = [tensor for members in plain.values() for tensor in members]
    descend(torch.optim.AdamW(reference, 0.1, (0.8, 0.9), weight_decay=0.3, foreach=False), plain)
    for ours, theirs in zip(parts["unet"] + parts["text_encoder"], reference, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_groups_have_their_own_rates():
    optimizer = build(training(optimizer={"type": "adamw", "lr": 0.1}, text_encoder_lr=0.02), parameters())
    set_factor(optimizer, 0.5)
    assert (rate(optimizer, "unet"), rate(optimizer, "text_encoder")) == (0.05, 0.01)
    set_factor(optimizer, 1.0)
    assert rate(optimizer, "unet") == 0.1


def test_a_part_without_parameters_has_no_group():
    optimizer = build(training(), parameters() | {"text_encoder": []})
    assert len(optimizer.param_groups) == 1
    assert rate(optimizer, "text_encoder") == 0


def test_prodigy_gets_its_arguments():
    words = {"type": "prodigy", "lr": 1, "d_coef": 2, "decouple": False, "use_bias_correction": False}
    words |= {"safeguard_warmup": False, "weight_decay": 0.2, "betas": [0.8, 0.95]}
    optimizer = build(training(optimizer=words), parameters())
    assert isinstance(optimizer, Prodigy)
    group = optimizer.param_groups[1]
    assert {name: group[name] for name in words if name not in {"type", "betas"}} == {
        name: value for name, value in words.items() if name not in {"type", "betas"}
    }
    assert group["betas"] == (0.8, 0.95)


def test_prodigy_rate_is_what_it_steps_with():
    parts = parameters()
    optimizer = build(training(optimizer={"type": "prodigy"}), parts)
    descend(optimizer, parts, 10)
    assert rate(optimizer, "unet") == optimizer.param_groups[0]["d"] > 1e-6


def test_prodigy_has_one_rate():
    with pytest.raises(ProjectError, match="one learning rate"):
        check(training(optimizer={"type": "prodigy"}, text_encoder_lr=0.5))
    check(training(optimizer={"type": "prodigy"}, text_encoder_lr=0.5, train="unet"))
    check(training(optimizer={"type": "prodigy"}, unet_lr=0.5, text_encoder_lr=0.5))
