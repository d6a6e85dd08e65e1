"""What every model family keeps, on a miniature of it: ``tests/tiny_<family>.py`` with ``make(folder)``."""

import importlib
from typing import get_args

import pytest
import torch
from sites import site

from lorabuild.models import family, source
from lorabuild.networks.attach import attach
from lorabuild.schema.base import Base
from lorabuild.schema.network import LoCon

FAMILIES = get_args(Base.model_fields["family"].annotation)
CPU = torch.device("cpu")
SIDE = 64


@pytest.fixture(scope="module", params=FAMILIES)
def model(request, tmp_path_factory):
    torch.set_num_threads(1)
    folder = importlib.import_module(f"tiny_{request.param}").make(tmp_path_factory.mktemp(request.param) / "tiny")
    where = site(folder.parent, folder, base={"family": request.param})
    return family.load(source.locate(where), where.project.base, family.PARTS, CPU, torch.float32)


@pytest.fixture
def inputs(model):
    """Clean latents, noise and timesteps of a batch of three."""
    side = SIDE // model.vae_factor
    shape = (3, model.latent_channels, side, side)
    clean, noise = torch.randn(2, *shape, generator=torch.Generator().manual_seed(0))
    return clean, noise, torch.tensor([1, model.num_timesteps // 2, model.num_timesteps - 1])


def context(model, *texts):
    return model.encode_text(model.tokenize(texts))


def test_prediction_has_the_shape_of_its_target(model, inputs):
    clean, noise, t = inputs
    answer = model.predict(model.add_noise(clean, noise, t), t, context(model, "a", "b", "c"))
    assert answer.shape == model.target(clean, noise, t).shape == clean.shape
    assert answer.dtype == torch.float32
    assert torch.isfinite(answer).all()


def test_more_time_is_less_signal(model, inputs):
    clean, noise, t = inputs
    snr = model.snr(t)
    assert (snr[:-1] > snr[1:]).all()
    torch.testing.assert_close(snr / (1 + snr), model.alphas_cumprod[t])
    assert (model.add_noise(clean, noise, t)[0] - clean[0]).abs().mean() < 0.2
    assert (model.add_noise(clean, noise, t)[2] - noise[2]).abs().mean() < 0.2


def test_images_to_latents_and_back_have_the_same_size(model):
    images = torch.randint(0, 256, (2, SIDE, 2 * SIDE, 3), dtype=torch.uint8)
    noise = torch.zeros(2, model.latent_channels, SIDE // model.vae_factor, 2 * SIDE // model.vae_factor)
    latents = model.encode_images(images, noise)
    assert latents.shape == noise.shape
    assert latents.dtype == torch.float32
    decoded = model.decode(latents)
    assert (decoded.shape, decoded.dtype) == (images.shape, torch.uint8)


def test_pictures_don_t_depend_on_their_neighbours(model):
    drawn = {"steps": 2, "cfg": 3.0, "width": SIDE, "height": SIDE}
    both = model.sample(["a", "b"], negatives=["", ""], seeds=[1, 2], **drawn)
    alone = model.sample(["b"], negatives=[""], seeds=[2], **drawn)
    assert both.shape == (2, SIDE, SIDE, 3)
    assert torch.equal(alone[0], both[1])


def test_the_model_is_frozen_and_adapters_learn_through_it(model, inputs):
    clean, noise, t = inputs
    adapter = attach(model.layers(("unet", "text_encoder"), convolutions=True), LoCon(dim=2, alpha=1), 0)
    try:
        for part in ("unet", "text_encoder"):
            assert list(adapter.parameters(part))
        answer = model.predict(model.add_noise(clean, noise, t), t, context(model, "a", "b", "c"))
        (answer - model.target(clean, noise, t)).square().mean().backward()
        ups = [parameter.grad for name, parameter in adapter.modules.named_parameters() if name.endswith("lora_up")]
        # the last text layers stay behind what the context reads, where clip skip asks for an earlier one
        assert all(torch.isfinite(grad).all() for grad in ups if grad is not None)
        assert sum(bool(grad is not None and grad.any()) for grad in ups) >= 0.9 * len(ups)
        assert all(layer.weight.grad is None for _, layer, _ in adapter.layers())
    finally:
        adapter.detach()


def test_layers_without_convolutions_are_some_of_those_with(model):
    parts = ("unet", "text_encoder")
    linear, everything = (model.layers(parts, convolutions=on) for on in (False, True))
    assert linear.items() <= everything.items()
    assert all(name.startswith(("lora_unet_", "lora_te")) and "." not in name for name in everything)
    assert set(model.layers(("unet",), convolutions=True)) | set(
        model.layers(("text_encoder",), convolutions=True)
    ) == set(everything)
