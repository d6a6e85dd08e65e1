"""What every model family keeps, on a miniature of it: ``tests/tiny_<family>.py`` with ``make(folder)``."""

from typing import get_args

import pytest
import torch
from sites import site

from lorabuild.models import family, latent_diffusion, source
from lorabuild.networks.attach import attach
from lorabuild.schema.base import Base
from lorabuild.schema.network import LoCon

FAMILIES = get_args(Base.model_fields["family"].annotation)
CPU = torch.device("cpu")
SIDE = 64


def opened(folder, word, **base):
    where = site(folder.parent, folder, base={"family": word, **base})
    return family.load(source.locate(where), where.project.base, family.PARTS, CPU, torch.float32)


KINDS = {
    "sd15": ("sd15", {}),
    "sd15 v": ("sd15", {"prediction": "v_prediction"}),
    "sd2 v": ("sd2", {}),
    "sd2": ("sd2", {"prediction": "epsilon"}),
    "sdxl": ("sdxl", {}),
    "sdxl v, no signal at the end": ("sdxl", {"prediction": "v_prediction", "zero_terminal_snr": True}),
}
assert {word for word, _ in KINDS.values()} == set(FAMILIES)


@pytest.fixture(scope="module", params=KINDS)
def model(request, folders):
    torch.set_num_threads(1)
    word, settings = KINDS[request.param]
    return opened(folders[word], word, **settings)


@pytest.fixture
def inputs(model):
    """Clean latents, noise and timesteps of a batch of three."""
    side = SIDE // model.vae_factor
    shape = (3, model.latent_channels, side, side)
    clean, noise = torch.randn(2, *shape, generator=torch.Generator().manual_seed(0))
    return clean, noise, torch.tensor([1, model.num_timesteps // 2, model.num_timesteps - 1])


def condition(model, *texts):
    sizes = torch.tensor([[SIDE + 5.0, SIDE + 9.0, 2.0, 0.0, SIDE, SIDE]] * len(texts))
    return {**model.encode_text(model.tokenize(texts)), "sizes": sizes}


def test_prediction_has_the_shape_of_its_target(model, inputs):
    clean, noise, t = inputs
    answer = model.predict(model.add_noise(clean, noise, t), t, condition(model, "a", "b", "c"))
    assert answer.shape == model.target(clean, noise, t).shape == clean.shape
    assert answer.dtype == torch.float32
    assert torch.isfinite(answer).all()


def test_more_time_is_less_signal(model, inputs):
    clean, noise, t = inputs
    snr = model.snr(t)
    assert (snr[:-1] > snr[1:]).all()
    assert (snr > 0).all()
    torch.testing.assert_close(snr / (1 + snr), model.alphas_cumprod[t], atol=0.07, rtol=0)  # one may be rescaled
    assert (model.add_noise(clean, noise, t)[0] - clean[0]).abs().mean() < 0.2
    assert (model.add_noise(clean, noise, t)[2] - noise[2]).abs().mean() < 0.2


def test_channels_last_gives_the_same_with_adapters_on_convolutions_and_stays_inside(model, inputs, monkeypatch):
    _, noise, t = inputs
    told, images = condition(model, "a", "b", "c"), torch.randint(0, 256, (1, SIDE, SIDE, 3), dtype=torch.uint8)
    adapter = attach(model.layers(("unet",), convolutions=True), LoCon(dim=2, conv_dim=2), 0)
    kernels = [layer.weight for _, layer, _ in adapter.layers() if layer.weight.shape[2:] == (3, 3)]
    with torch.no_grad():
        for parameter in adapter.parameters():
            parameter.fill_(0.05)

    def answers():
        answer = model.predict(noise, t, told)
        encoded = model.encode_images(images, noise[:1])
        learned = torch.autograd.grad((answer * noise).sum(), list(adapter.parameters()))
        return [answer.detach(), encoded, model.decode(encoded) / 255.0], learned

    plain = answers()
    assert all(kernel.is_contiguous() for kernel in kernels)
    monkeypatch.setattr(latent_diffusion, "layout", lambda _device: torch.channels_last)
    model.to(CPU)
    try:
        assert all(kernel.is_contiguous(memory_format=torch.channels_last) for kernel in kernels)
        assert not any(kernel.is_contiguous() for kernel in kernels)
        given, learned = answers()
        assert all(answer.is_contiguous() for answer in given)
        for found, wanted in zip([*given, *learned], plain[0] + [*plain[1]], strict=True):
            torch.testing.assert_close(found, wanted, rtol=1e-2, atol=1 / 255 if found is given[2] else 1e-4)
    finally:
        adapter.detach()
        monkeypatch.setattr(latent_diffusion, "layout", lambda _device: torch.contiguous_format)
        model.to(CPU)


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


TRAINED = family.TRAINED["both"]


def test_the_model_is_frozen_and_adapters_learn_through_it(model, inputs):
    clean, noise, t = inputs
    layers = model.layers(TRAINED, convolutions=True)
    adapter = attach(layers, LoCon(dim=2, alpha=1), 0)
    try:
        answer = model.predict(model.add_noise(clean, noise, t), t, condition(model, "a", "b " * 90, "c"))
        (answer - model.target(clean, noise, t)).square().mean().backward()
        ups = [parameter.grad for name, parameter in adapter.modules.named_parameters() if name.endswith("lora_up")]
        # the last text layers stay behind what is read, where an earlier one is
        assert all(torch.isfinite(grad).all() for grad in ups if grad is not None)
        assert sum(bool(grad is not None and grad.any()) for grad in ups) >= 0.75 * len(ups)
        assert all(layer.weight.grad is None for layer in layers.values())
    finally:
        adapter.detach()


def test_texts_are_read_in_chunks(model):
    texts = ["a b", "b " * 90, ""]
    tokens = model.tokenize(texts)
    assert tokens.shape == (3, len(model.ENCODERS), 2 * 77)
    together = model.encode_text(tokens)
    assert together["hidden"].shape[:2] == (3, 152)
    alone = model.encode_text(model.tokenize(["a b"]))
    torch.testing.assert_close(together["hidden"][0, :76], alone["hidden"][0, :76])
    for name in set(alone) - {"hidden"}:
        torch.testing.assert_close(together[name][0], alone[name][0])
    empty = model.encode_text(model.tokenize([""]))["hidden"]
    torch.testing.assert_close(together["hidden"][0, 76:], empty[0, 1:])


def test_checkpointing_gives_the_same_gradients(model, inputs):
    clean, _, t = inputs
    found = []
    layers = model.layers(TRAINED, convolutions=False)
    chosen = [layers[name].weight for name in layers if name.endswith(("_0_mlp_fc1", "attn1_to_q"))]
    for on in (False, True):
        model.checkpoint_gradients(on=on)
        for weight in chosen:
            weight.requires_grad_(requires_grad=True).grad = None
        model.predict(clean, t, condition(model, "a", "b", "c")).square().sum().backward()
        found.append([weight.grad for weight in chosen])
    model.checkpoint_gradients(on=False)
    for weight in chosen:
        weight.requires_grad_(requires_grad=False).grad = None
    for plain, recomputed in zip(*found, strict=True):
        assert plain.abs().sum() > 0
        torch.testing.assert_close(plain, recomputed)


def test_layers_without_convolutions_are_some_of_those_with(model):
    parts = TRAINED
    linear, everything = (model.layers(parts, convolutions=on) for on in (False, True))
    assert linear.items() <= everything.items()
    assert all(name.startswith(("lora_unet_", "lora_te")) and "." not in name for name in everything)
    each = [set(model.layers((part,), convolutions=True)) for part in parts]
    assert set.union(*each) == set(everything)
    assert sum(map(len, each)) == len(everything)
