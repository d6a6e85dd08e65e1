"""lorabuild.training.optimizer_kinds, lorabuild.training.lion.

Each optimizer gets its words, and does what its paper says.
"""

import sys
import types

import pytest
import torch
from pydantic import TypeAdapter

from lorabuild.core.errors import ProjectError, StageError
from lorabuild.schema.optimizer import Optimizer
from lorabuild.training.optimizer_kinds import OPTIMIZERS


def weights(seed=0):
    drawn = torch.Generator().manual_seed(seed)
    return [torch.nn.Parameter(torch.randn(shape, generator=drawn) * 0.1) for shape in ((4, 3), (8, 2, 3, 3), (5,))]


def made(parameters, **words):
    settings = TypeAdapter(Optimizer).validate_python(words)
    return OPTIMIZERS[settings.type](settings, [{"params": parameters, "lr": settings.lr}])


def descend(optimizer, parameters, steps=5):
    drawn = torch.Generator().manual_seed(1)
    for _ in range(steps):
        for tensor in parameters:
            tensor.grad = tensor.detach() + 0.1 * torch.randn(tensor.shape, generator=drawn)
        optimizer.step()
    return [tensor.detach() for tensor in parameters]


def same(some, others):
    for one, other in zip(some, others, strict=True):
        torch.testing.assert_close(one, other, rtol=2e-5, atol=1e-7)


def test_adamw_equals_plain_torch():
    ours, theirs = weights(), weights()
    found = descend(made(ours, type="adamw", lr=0.1, weight_decay=0.3, betas=(0.8, 0.9)), ours)
    plain = torch.optim.AdamW(theirs, 0.1, (0.8, 0.9), weight_decay=0.3, foreach=False)
    same(found, descend(plain, theirs))


def test_lion_equals_the_paper_s_algorithm():
    ours, theirs = weights(), weights()
    found = descend(made(ours, type="lion", lr=0.01, weight_decay=0.3, betas=(0.8, 0.95)), ours)
    momenta = [torch.zeros_like(tensor) for tensor in theirs]
    drawn = torch.Generator().manual_seed(1)
    for _ in range(5):
        for tensor, momentum in zip(theirs, momenta, strict=True):
            gradient = tensor.detach() + 0.1 * torch.randn(tensor.shape, generator=drawn)
            direction = torch.sign(0.8 * momentum + 0.2 * gradient)
            tensor.data = tensor.data - 0.01 * (direction + 0.3 * tensor.data)
            momentum.copy_(0.95 * momentum + 0.05 * gradient)
    same(found, [tensor.detach() for tensor in theirs])


def test_lion_steps_by_the_sign_alone():
    parameter = torch.nn.Parameter(torch.zeros(3))
    optimizer = made([parameter], type="lion", lr=0.5)
    parameter.grad = torch.tensor([1e-9, -7.0, 0.0])
    optimizer.step()
    assert parameter.tolist() == [-0.5, 0.5, 0.0]
    parameter.grad = None
    optimizer.step()
    assert parameter.tolist() == [-0.5, 0.5, 0.0]


def test_adafactor_equals_the_one_of_the_standard_trainer():
    optimization = pytest.importorskip("transformers.optimization")
    ours, theirs = weights(), weights()
    found = descend(made(ours, type="adafactor", lr=0.01, weight_decay=0.1), ours)
    reference = optimization.Adafactor(
        theirs, lr=0.01, weight_decay=0.1, scale_parameter=False, relative_step=False, warmup_init=False
    )
    same(found, descend(reference, theirs))


def test_adafactor_s_steps_may_follow_the_size_of_the_weights():
    large, small = ([torch.nn.Parameter(torch.full((4, 4), size))] for size in (0.8, 0.2))
    for parameters in (large, small):
        optimizer = made(parameters, type="adafactor", lr=0.01, relative=True)
        parameters[0].grad = torch.ones(4, 4)
        optimizer.step()
    assert 0.8 - large[0][0, 0].item() == pytest.approx(4 * (0.2 - small[0][0, 0].item()), rel=1e-4)


def test_sgd_equals_plain_torch():
    ours, theirs = weights(), weights()
    words = {"lr": 0.05, "momentum": 0.8, "nesterov": True, "weight_decay": 0.1}
    same(descend(made(ours, type="sgd", **words), ours), descend(torch.optim.SGD(theirs, **words), theirs))


WORDS = {
    "prodigy": {
        "lr": 0.9,
        "weight_decay": 0.2,
        "d_coef": 2.0,
        "decouple": False,
        "use_bias_correction": False,
        "safeguard_warmup": False,
        "betas": (0.8, 0.95),
        "beta3": 0.97,
        "d0": 1e-5,
        "growth_rate": 1.5,
    },
    "prodigy_plus_schedule_free": {
        "lr": 0.9,
        "weight_decay": 0.2,
        "d_coef": 2.0,
        "betas": (0.8, 0.95),
        "beta3": 0.97,
        "d0": 1e-5,
        "prodigy_steps": 7,
        "split_groups_mean": True,
        "use_stableadamw": False,
        "use_bias_correction": True,
        "use_speed": True,
        "factored": False,
    },
    "dadaptation": {
        "lr": 0.9,
        "weight_decay": 0.2,
        "decouple": False,
        "use_bias_correction": True,
        "betas": (0.8, 0.95),
        "growth_rate": 1.5,
    },
    "adamw_schedule_free": {"lr": 0.9, "weight_decay": 0.2, "betas": (0.8, 0.95), "warmup_steps": 7, "r": 0.5},
}


@pytest.mark.parametrize("name", WORDS)
def test_every_word_arrives(name, capsys):
    group = made(weights(), type=name, **WORDS[name]).param_groups[0]
    assert {word: group[word] for word in WORDS[name]} == WORDS[name]
    assert capsys.readouterr().out == ""


def test_the_first_guess_and_unlimited_growth():
    group = made(weights(), type="dadaptation", d0=1e-3).param_groups[0]
    assert (group["d"], group["growth_rate"]) == (1e-3, float("inf"))
    assert made(weights(), type="prodigy").param_groups[0]["growth_rate"] == float("inf")


def test_nothing_is_imported_that_other_trainers_may_have_left_on_the_path(tmp_path, monkeypatch):
    (tmp_path / "library").mkdir()
    (tmp_path / "library/adafactor_fused.py").write_text("raise SystemExit('run')", "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert made(weights(), type="prodigy_plus_schedule_free")
    assert "library" not in sys.modules


@pytest.mark.parametrize(
    ("name", "library", "package"),
    [
        ("prodigy", "prodigyopt", "prodigyopt"),
        ("prodigy_plus_schedule_free", "prodigyplus", "prodigy-plus-schedule-free"),
        ("dadaptation", "dadaptation", "dadaptation"),
        ("adamw_schedule_free", "schedulefree", "schedulefree"),
    ],
)
def test_a_missing_library_is_asked_for(name, library, package, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(StageError, match=f"needs the Python package {library}") as caught:
        made(weights(), type=name)
    assert caught.value.next_step == f"pip install {package}"


def on_a(device):
    return [types.SimpleNamespace(device=torch.device(device))]


def test_eight_bits_want_a_gpu_or_a_cpu():
    with pytest.raises(StageError, match="runs on mps") as caught:
        made(on_a("mps"), type="adamw8bit")
    assert "type: adamw}" in caught.value.next_step


def test_eight_bits_want_their_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    with pytest.raises(StageError, match="bitsandbytes") as caught:
        made(on_a("cuda"), type="adamw8bit")
    assert caught.value.next_step == "pip install 'lorabuild[gpu]'"


@pytest.mark.parametrize(("device", "paged"), [("cuda", False), ("cuda", True), ("cpu", False)])
def test_eight_bits_get_their_words(device, paged, monkeypatch):
    optim = types.SimpleNamespace(AdamW8bit=lambda groups, **words: (len(groups), words))
    monkeypatch.setitem(sys.modules, "bitsandbytes", types.SimpleNamespace(optim=optim))
    found = made(
        on_a(device), type="adamw8bit", lr=0.1, weight_decay=0.2, betas=(0.8, 0.9), paged=paged or device == "cpu"
    )
    assert found == (1, {"lr": 0.1, "weight_decay": 0.2, "betas": (0.8, 0.9), "is_paged": paged})


def test_any_class_with_its_arguments():
    words = {"class": "torch.optim.RAdam", "lr": 0.1, "arguments": {"betas": [0.8, 0.9], "weight_decay": 0.3}}
    optimizer = made(weights(), type="custom", **words)
    assert isinstance(optimizer, torch.optim.RAdam)
    group = optimizer.param_groups[0]
    assert (group["lr"], group["betas"], group["weight_decay"]) == (0.1, (0.8, 0.9), 0.3)


@pytest.mark.parametrize(
    ("named", "arguments", "what"),
    [
        ("torch.optim.RAdm", {}, "torch.optim has no RAdm"),
        ("torch.nn.Linear", {}, "torch.nn has no optimizer Linear"),
        ("torch.optim.lr_scheduler", {}, "torch.optim has no optimizer lr_scheduler"),
        ("torch.optim.RAdam", {"beta": 1}, "RAdam can't be made: .*beta"),
        ("torch.optim.RAdam", {"betas": [2, 3]}, "RAdam can't be made: .*beta"),
    ],
)
def test_a_class_that_is_none(named, arguments, what):
    with pytest.raises(ProjectError, match=what):
        made(weights(), type="custom", **{"class": named}, arguments=arguments)


def test_a_class_of_nothing_that_is_installed():
    with pytest.raises(StageError, match="nowhere_at_all"):
        made(weights(), type="custom", **{"class": "nowhere_at_all.Thing"})
