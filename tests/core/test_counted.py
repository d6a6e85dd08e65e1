import math
import random
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from lorabuild.core.counted import count, counts, unit, units

names = st.lists(st.integers() | st.text(max_size=5) | st.booleans() | st.none(), max_size=4)


@given(names)
def test_in_range_and_repeatable(parts):
    assert 0 <= count(*parts) < 2**64
    assert 0.0 <= unit(*parts) < 1.0
    assert count(*parts) == count(*parts)


@given(st.lists(st.integers(), min_size=2, max_size=20, unique=True), st.randoms())
def test_no_call_knows_of_another(visits, generator: random.Random):
    straight = {visit: count(7, "noise", visit) for visit in visits}
    mixed = visits.copy()
    generator.shuffle(mixed)
    assert {visit: count(7, "noise", visit) for visit in mixed} == straight


@given(names, names)
def test_other_parts_give_other_numbers(one, other):
    same = [(type(part), part) for part in one] == [(type(part), part) for part in other]
    assert (count(*one) == count(*other)) == same


def test_parts_are_kept_apart():
    assert count("a", "bc") != count("ab", "c")
    assert count(1, 2) != count([1, 2])


def test_even():
    number = 20_000
    drawn = [unit("even", index) for index in range(number)]
    boxes = [0] * 20
    for value in drawn:
        boxes[int(value * 20)] += 1
    expected = number / 20
    assert sum((box - expected) ** 2 / expected for box in boxes) < 43.8  # chi-squared, 19 degrees, p = 0.001
    assert abs(sum(drawn) / number - 0.5) < 4 / math.sqrt(12 * number)


def test_neighbours_are_unrelated():
    number = 20_000
    drawn = [unit("pairs", index) - 0.5 for index in range(number + 1)]
    correlation = 12 * sum(one * other for one, other in pairwise(drawn)) / number
    assert abs(correlation) < 4 / math.sqrt(number)


def test_numbers_never_change():
    """Every trained LoRA depends on them."""
    assert count(42, "noise", "b3:00", 3) == 8925618866970046564
    assert unit(42) == 0.6384299680369176
    assert counts(2, 42, "a") == (4164109853193131173, 11847182185039337652)
    assert units(1, 42, "a") == [0.22573684746501432]


def test_many_at_once_begin_with_the_same_ones():
    assert counts(0, "many") == ()
    assert counts(9, "many")[:4] == counts(4, "many") != counts(4, "other")
    assert units(9, "many") == [(whole >> 11) * 2.0**-53 for whole in counts(9, "many")]
    drawn = units(20_000, "even")
    assert abs(sum(drawn) / len(drawn) - 0.5) < 4 / math.sqrt(12 * len(drawn))
