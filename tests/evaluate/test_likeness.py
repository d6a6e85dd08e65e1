"""lorabuild.evaluate.likeness: known answers."""

import pytest
import torch

from lorabuild.evaluate.likeness import harshness, likeness

GENERATOR = torch.Generator().manual_seed(0)
IMAGES, PLAIN = torch.randn(12, 6, generator=GENERATOR) + 3, torch.randn(12, 6, generator=GENERATOR)


def test_likeness_is_0_at_the_base_s_pictures_and_1_at_the_images():
    assert likeness(PLAIN, PLAIN, IMAGES) == pytest.approx(0, abs=1e-5)
    assert likeness(IMAGES, PLAIN, IMAGES) == pytest.approx(1, abs=1e-5)
    assert likeness((PLAIN + IMAGES) / 2, PLAIN, IMAGES) == pytest.approx(0.5, abs=1e-4)
    assert likeness(2 * PLAIN - IMAGES, PLAIN, IMAGES) == pytest.approx(-1, abs=1e-3)


def test_noise_is_harsh():
    calm = torch.full((2, 8, 8, 3), 120, dtype=torch.uint8)
    noise = torch.randint(0, 256, calm.shape, dtype=torch.uint8, generator=GENERATOR)
    assert harshness(calm) == 0
    assert harshness(noise) > 0.25
