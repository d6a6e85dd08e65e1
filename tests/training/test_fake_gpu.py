"""What a GPU is to do is done on the GPU: nothing of it is left behind on the CPU, and the numbers are the same."""

from dataclasses import replace

import pytest
import tiny_sdxl
import torch
from fake_gpu import CPU, MixedError, elsewhere
from small_course import Device, Small
from test_objective import EVERYTHING
from tiny_training import settings
from torch import nn

from lorabuild.models.features import BaseEye
from lorabuild.models.probe import Probe
from lorabuild.networks import attach
from lorabuild.networks.max_norm import max_norm
from lorabuild.schema import network
from lorabuild.schema.slider import Denoise
from lorabuild.training.loop import measured
from lorabuild.training.moving import Moving
from lorabuild.training.objective import Denoising
from lorabuild.training.slider import Sliding

FOUR = {"dim": 4, "alpha": 2, "conv_dim": 4, "conv_alpha": 2}
CHANCE = {"dropout": 0.1, "rank_dropout": 0.1, "module_dropout": 0.1}
NETWORKS = {
    "lora": network.LoRA(dim=4, **CHANCE),
    "lora_fa": network.LoRAFA(**FOUR),
    "locon": network.LoCon(**FOUR, **CHANCE),
    "dora": network.LoCon(**FOUR, dora=True),
    "dylora": network.DyLoRA(**FOUR, unit=2),
    "loha": network.LoHa(**FOUR, module_dropout=0.1),
    "lokr": network.LoKr(dim=1, conv_dim=1, factor=2),
    "ia3": network.IA3(only=("*",), convolutions=True),
    "diag_oft": network.DiagOFT(dim=4, convolutions=True),
    "full": network.Full(convolutions=True),
}
LOSSES = {
    "huber": EVERYTHING,
    "smooth l1": {"loss": {"type": "smooth_l1", "schedule": "exponential"}, "soft_min_snr_gamma": 5},
    "log cosh": {"loss": {"type": "log_cosh"}, "timesteps": {"type": "sigmoid"}, "mask_normalize": True},
    "v": {"loss": {"type": "l1"}, "v_pred_like_loss": 0.5},
}
OPTIMIZERS = ("adamw", "prodigy", "prodigy_plus_schedule_free", "dadaptation", "lion", "adafactor", "sgd")
OPTIMIZERS += ("adamw_schedule_free",)


@pytest.fixture(scope="module")
def there():
    with pytest.MonkeyPatch.context() as monkeypatch, elsewhere(monkeypatch) as device:
        yield device


@pytest.fixture(scope="module")
def both(there, base):
    """The same here and there."""
    return [Small(base, network.LoRA(dim=2), Device(device), train="both") for device in (CPU, there)]


def test_what_stayed_behind_is_noticed(there):
    with pytest.raises(MixedError, match="stayed behind"):
        torch.ones(2, device=there) + torch.ones(2)
    assert (torch.ones(2, device=there) + torch.ones(2).to(there) + torch.tensor(1.0)).tolist() == [3.0, 3.0]


def layers(device):
    """Kohya name → frozen layer."""
    made = {"": nn.Linear(8, 12), "_point": nn.Conv2d(8, 12, 1), "_kernel": nn.Conv2d(8, 12, 3, padding=1)}
    for layer in made.values():
        for place, one in enumerate(layer.parameters()):
            nn.init.uniform_(one.requires_grad_(False), -0.1, 0.2 + place)
    return {f"lora_unet_down_blocks_0{name}": layer.to(device) for name, layer in made.items()}


def moved(kind, device, optimizer="sgd"):
    """What was learned by two steps, with a state between them."""
    torch.manual_seed(0)
    words = settings(optimizer={"type": optimizer, "lr": 1.0}, ema={"decay": 0.9}, max_grad_norm=0.5)
    below, remembered = layers(device), None
    for number in range(2):
        adapter = attach.attach(below, kind, 1)
        moving = Moving(words, adapter)
        if remembered:
            moving.load(*remembered)
        for one in below.values():
            adapter.begin((1, 2))
            given = torch.linspace(-1, 1, 256).view(2, 8, 4, 4).to(device)
            given = given.flatten(2).mT if isinstance(one, nn.Linear) else given
            torch.autograd.backward(one(given).square().mean())
        measured(moving, 0.5)
        moving.step(number)
        max_norm(adapter, 0.05)
        remembered = moving.state()
        adapter.detach()
    return torch.cat([one.detach().cpu().flatten().float() for _, one in sorted(remembered[0].items())])


@pytest.mark.parametrize("kind", NETWORKS.values(), ids=NETWORKS)
def test_every_network(there, kind):
    torch.testing.assert_close(moved(kind, there), moved(kind, CPU), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_every_optimizer(there, kind):
    lora = network.LoCon(**FOUR)
    torch.testing.assert_close(moved(lora, there, kind), moved(lora, CPU, kind), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("words", LOSSES.values(), ids=LOSSES)
def test_every_loss(both, words):
    found = []
    for made in both:
        training = made.training.model_copy(update=dict(settings(**words)))
        feed = replace(made.objective.feed, training=training)
        objective = Denoising(made.model, feed, made.device, made.adapter)
        losses = objective(made.looks()[1:3], 0)
        torch.autograd.backward(losses.sum())
        gradients = [one.grad.abs().sum().cpu() for one in made.adapter.parameters()]
        found.append(torch.cat([losses.detach().cpu(), torch.stack(gradients)]))
    torch.testing.assert_close(found[1], found[0], rtol=1e-4, atol=1e-6)


def test_what_looks_at_pictures_and_words(both):
    images = torch.arange(2 * 32 * 32 * 3).view(2, 32, 32, 3).to(torch.uint8)
    here, there = (BaseEye(made.model, 2).see(images) for made in both)
    torch.testing.assert_close(there, here, rtol=1e-4, atol=1e-5)
    assert Probe(both[1].model, 32, 4).distance("a") > 0


def test_a_slider(both):
    made = both[1]
    looks = [replace(look, record=replace(look.record, texts=look.record.texts * 4)) for look in made.looks()[:1]]
    aims = {look.record.pixels: (1.0, 1.0) for look in looks}
    sliding = Sliding(made.model, made.objective.feed, made.device, made.adapter, aims, Denoise(steps=2, cfg=2.0))
    torch.autograd.backward(sliding(looks, 0).sum())


def test_two_text_encoders_and_sizes(there, tmp_path):
    made = Small(tiny_sdxl.make(tmp_path / "tiny", layers=2), network.LoRA(), Device(there), "sdxl", train="both")
    with torch.no_grad():
        assert made.objective(made.looks()[:1], 0).device == there
