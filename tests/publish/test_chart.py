import math
import re

from hypothesis import given
from hypothesis import strategies as st

from lorabuild.publish import chart


def test_no_curve_for_a_run_of_one_step():
    assert chart.loss_curve([0.1], [0.1], [1]) is None
    assert chart.loss_curve([], [], []) is None


def test_epochs_are_marked_where_they_end():
    curve = chart.loss_curve([0.2] * 8, [0.2] * 8, [1, 1, 2, 2, 3, 3, 4, 4])
    assert [(mark.place, mark.text) for mark in curve.epochs] == [(25, "1"), (50, "2"), (75, "3"), (100, "4")]


def test_many_epochs_get_few_labels_and_always_the_last():
    epochs = [1 + step // 2 for step in range(101)]
    curve = chart.loss_curve([0.2] * 101, [0.2] * 101, epochs)
    assert len(curve.epochs) <= 9
    assert curve.epochs[-1] == chart.Mark(100, "51")


@given(st.lists(st.floats(0, 1e3), min_size=2, max_size=1500))
def test_lines_stay_inside_the_plot_and_are_short(losses):
    curve = chart.loss_curve(losses, losses, [1] * len(losses))
    numbers = [float(number) for number in re.findall(r"[\d.]+", curve.every_step)]
    assert all(-0.1 <= number <= chart.UNITS + 0.1 for number in numbers)
    assert len(numbers) <= 4 * chart.MOST_POINTS
    assert all(0 <= mark.place <= 100 for mark in curve.values)


def test_a_step_that_is_no_number_leaves_a_gap():
    curve = chart.loss_curve([0.1, math.nan, 0.2, 0.1], [0.1] * 4, [1] * 4)
    assert curve.every_step.count("M") == 2


@given(st.floats(1e-6, 1e6))
def test_ticks_are_round_and_few(high):
    marks = chart.ticks(high)
    assert marks[0] == 0
    assert 2 <= len(marks) <= 6
    assert marks[-1] <= high
