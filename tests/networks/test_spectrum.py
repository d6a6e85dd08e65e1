import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lorabuild.networks.spectrum import Limits, of_matrix, of_product

SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 6), st.integers(0, 99))


def drawn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@settings(max_examples=60, deadline=None)
@given(SHAPES)
def test_a_product_has_the_values_of_the_matrix_that_it_is(sizes):
    outputs, inputs, rank, seed = sizes
    up, down = drawn(outputs, rank, seed=seed), drawn(rank, inputs, seed=seed + 1)
    wanted = torch.linalg.svdvals(up @ down)
    for found in (of_product(up, down), of_matrix(up @ down)):
        size = min(len(found.values), len(wanted))
        torch.testing.assert_close(found.values[:size], wanted[:size], rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(found.left * found.values @ found.right, up @ down, rtol=1e-8, atol=1e-8)
        left, right = found.halves(len(found.values))
        torch.testing.assert_close(left @ right, up @ down, rtol=1e-7, atol=1e-7)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 10), min_size=1, max_size=12), st.floats(0.01, 1))
def test_the_energy_that_was_asked_for_stays_and_one_value_less_would_not_do(numbers, energy):
    values = torch.tensor(sorted(numbers, reverse=True), dtype=torch.float64)
    kept = Limits(energy=energy).kept(values, kernel=False)
    squares = values.square()
    assert squares[:kept].sum() >= energy * squares.sum() * (1 - 1e-9)
    if kept > 1:
        assert squares[: kept - 1].sum() < energy * squares.sum()


VALUES = torch.tensor([8.0, 4.0, 2.0, 1.0])


@pytest.mark.parametrize(
    ("limits", "linear", "kernel"),
    [
        (Limits(), 4, 4),
        (Limits(dim=3), 3, 3),
        (Limits(dim=9), 4, 4),
        (Limits(dim=3, conv_dim=1), 3, 1),
        (Limits(conv_dim=2), 4, 2),
        (Limits(ratio=4), 3, 3),
        (Limits(ratio=1), 1, 1),
        (Limits(energy=1), 4, 4),
        (Limits(energy=64 / 85), 1, 1),
        (Limits(energy=0.76), 2, 2),
        (Limits(dim=2, energy=1, ratio=4), 2, 2),
    ],
)
def test_the_tightest_limit_holds(limits, linear, kernel):
    assert (limits.kept(VALUES, kernel=False), limits.kept(VALUES, kernel=True)) == (linear, kernel)


def test_nothing_keeps_one_value_and_rounding_is_no_rank():
    assert Limits(energy=0.5, ratio=2).kept(torch.zeros(3), kernel=False) == 1
    assert len(of_matrix(torch.zeros(3, 4)).shown().values) == 1
    assert len(of_matrix(drawn(6, 2) @ drawn(2, 7)).shown().values) == 2
