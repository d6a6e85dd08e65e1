import pytest
import torch

from lorabuild.training.masks import stacked, weights


def mask():
    return torch.tensor([[[[0.0, 0.5], [1.0, 1.0]]]])


def test_a_missing_mask_hides_nothing():
    found = stacked([None, torch.zeros(1, 2, 3)], (2, 3))
    assert found.shape == (2, 1, 2, 3)
    assert found.mean(dim=(1, 2, 3)).tolist() == [1, 0]
    assert stacked([None, None], (2, 3)) is None


def test_the_floor_is_the_least_weight():
    assert torch.equal(weights(mask(), 0.0, normalize=False), mask())
    assert weights(mask(), 0.2, normalize=False).flatten().tolist() == pytest.approx([0.2, 0.5, 1, 1])


def test_normalized_weights_have_a_mean_of_one():
    found = weights(torch.cat([mask(), torch.ones(1, 1, 2, 2)]), 0.1, normalize=True)
    assert found.mean(dim=(1, 2, 3)).tolist() == pytest.approx([1, 1])
    assert torch.equal(found[1], torch.ones(1, 2, 2))


def test_a_mask_that_hides_everything_is_no_division_by_zero():
    assert weights(torch.zeros(1, 1, 2, 2), 0.0, normalize=True).sum() == 0
