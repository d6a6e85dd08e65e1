"""The standard trainer's formulas are written out here from ``tests/data/losses.json`` (``how``), with our draws."""

import random

import pytest
import torch
from test_randomness import look

from lorabuild.schema.noise import Noise
from lorabuild.training import noise, randomness

SHAPE = (4, 12, 8)


def clean(number=1):
    return torch.randn(number, *SHAPE, generator=torch.Generator().manual_seed(3)) + 0.5


def drawn(looks, seed=1, **words):
    return noise.draw(Noise(**words), seed, looks, clean(len(looks)))


def test_plain_noise_is_the_counted_one():
    looks = [look("a"), look("b")]
    found = drawn(looks)
    assert torch.equal(found.noise, randomness.noise(1, looks, SHAPE))
    assert found.extra is None


def test_offset_adds_one_number_a_channel():
    added = drawn([look("a")], offset=0.1).noise - drawn([look("a")]).noise
    numbers = randomness.normal(1, "noise offset", look("a"), (4, 1, 1))
    torch.testing.assert_close(added, (0.1 * numbers).expand(1, *SHAPE))


@pytest.mark.parametrize("adaptive", [0.2, -0.2, -5])
def test_adaptive_offset(adaptive):
    added = drawn([look("a")], offset=0.1, offset_adaptive=adaptive).noise - drawn([look("a")]).noise
    means = clean().mean(dim=(2, 3), keepdim=True).abs()
    strength = torch.clamp(0.1 + adaptive * means, 0.0, None)
    known = strength * randomness.normal(1, "noise offset", look("a"), (4, 1, 1))
    torch.testing.assert_close(added, known.expand(1, *SHAPE), rtol=1e-4, atol=1e-6)
    assert bool(added.any()) == (adaptive > -5)


def test_a_random_strength_is_counted_and_even():
    visits = [look("a", visit) for visit in range(300)]
    full, part = (drawn(visits, offset=0.4, offset_random=word).noise - drawn(visits).noise for word in (False, True))
    shares = (part / full)[:, 0, 0, 0]
    torch.testing.assert_close(part, full * shares.view(-1, 1, 1, 1), rtol=1e-3, atol=1e-5)
    assert 0 <= shares.min() < 0.1
    assert 0.9 < shares.max() <= 1.001
    assert abs(shares.mean() - 0.5) < 0.06


def standard_pyramid(base, iterations, discount):
    """Multi-resolution noise as the standard trainer makes it, from the global generators; also what it drew."""
    batch, channels, height, width = base.shape
    grow, whole, drawn = torch.nn.Upsample(size=(height, width), mode="bilinear"), base.clone(), []
    for level in range(iterations):
        shrink = random.random() * 2 + 2
        size = max(1, int(height / shrink**level)), max(1, int(width / shrink**level))
        drawn.append(torch.randn(batch, channels, *size))
        whole += grow(drawn[-1]) * discount**level
        if 1 in size:
            break
    return whole / whole.std(), drawn


@pytest.mark.parametrize(("iterations", "discount"), [(1, 0.3), (6, 0.3), (10, 0.8)])
def test_pyramid_equals_the_standard_trainer_for_one_image(iterations, discount):
    torch.manual_seed(42)
    random.seed(42)
    base = torch.randn(1, 4, 32, 24)
    known, layers = standard_pyramid(base, iterations, discount)
    found = noise.pyramid(base[0], [layer[0] for layer in layers], discount)
    torch.testing.assert_close(found, known[0], rtol=1e-6, atol=1e-6)


def test_layers_shrink_by_two_to_four_and_end_at_one():
    for visit in range(40):
        sizes = [tuple(layer.shape) for layer in noise.layers(Noise(pyramid=10), 1, look("a", visit), (4, 64, 40))]
        assert sizes[0] == (4, 64, 40)
        for level, (_, height, width) in enumerate(sizes[1:], 1):
            assert max(1, 64 // 4**level) <= height <= 64 / 2**level
            assert max(1, 40 // 4**level) <= width <= 40 / 2**level
        assert [1 in size for size in sizes] == [False] * (len(sizes) - 1) + [True]


def test_pyramid_noise_has_a_deviation_of_one_for_each_look():
    found = drawn([look("a"), look("b")], pyramid=6, pyramid_discount=0.8).noise
    assert found.std(dim=(1, 2, 3)).tolist() == pytest.approx([1, 1], rel=1e-5)
    correlation = (found[:, :, 1:] * found[:, :, :-1]).mean()
    assert correlation > 0.1  # neighbours are alike, as they aren't in plain noise


def test_input_perturbation_stays_out_of_the_noise():
    found = drawn([look("a")], ip_gamma=0.1)
    assert torch.equal(found.noise, drawn([look("a")]).noise)
    torch.testing.assert_close(found.extra, 0.1 * randomness.noise(1, [look("a")], SHAPE, "ip noise"))
    part = drawn([look("a")], ip_gamma=0.1, ip_gamma_random=True).extra
    share = randomness.share(1, "ip noise strength", look("a"))
    torch.testing.assert_close(part, found.extra * share)


EVERYTHING = {"offset": 0.1, "offset_adaptive": 0.1, "offset_random": True, "pyramid": 4, "ip_gamma": 0.1}


def test_batch_mates_change_no_bit():
    looks = [look(str(number)) for number in range(5)]
    together = drawn(looks, **EVERYTHING, ip_gamma_random=True)
    settings = Noise(**EVERYTHING, ip_gamma_random=True)
    for place in range(5):
        alone = noise.draw(settings, 1, looks[place : place + 1], clean(5)[place : place + 1])
        assert torch.equal(alone.noise[0], together.noise[place])
        assert torch.equal(alone.extra[0], together.extra[place])


def test_the_global_generators_are_neither_read_nor_moved():
    torch.manual_seed(5)
    state, python = torch.random.get_rng_state(), random.getstate()
    first = drawn([look("a")], **EVERYTHING)
    torch.manual_seed(6)
    assert torch.equal(drawn([look("a")], **EVERYTHING).noise, first.noise)
    torch.manual_seed(5)
    assert torch.equal(state, torch.random.get_rng_state())
    assert python == random.getstate()
