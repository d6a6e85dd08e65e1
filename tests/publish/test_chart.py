import math
import re

from hypothesis import given
from hypothesis import strategies as st

from lorabuild.publish import chart


def history(losses, epochs=None, validated=(), concepts=(), rates=()):
    finite = [loss if math.isfinite(loss) else 0.1 for loss in losses]
    return chart.History(losses, finite, epochs or [1] * len(losses), dict(validated), dict(concepts), dict(rates))


def drawn(losses, epochs=None, **more):
    return chart.curves(history(losses, epochs, **more))


def test_no_curve_for_a_run_of_one_step():
    assert drawn([0.1]) is None
    assert drawn([]) is None


def test_epochs_are_marked_where_they_end():
    plot = drawn([0.2] * 8, [1, 1, 2, 2, 3, 3, 4, 4]).loss
    assert [(mark.place, mark.text) for mark in plot.epochs] == [(25, "1"), (50, "2"), (75, "3"), (100, "4")]


def test_many_epochs_get_few_labels_and_always_the_last():
    plot = drawn([0.2] * 101, [1 + step // 2 for step in range(101)]).loss
    assert len(plot.epochs) <= 9
    assert plot.epochs[-1] == chart.Mark(100, "51")


def numbers(line):
    return [float(number) for number in re.findall(r"[\d.]+", line.path)]


@given(st.lists(st.floats(0, 1e3), min_size=2, max_size=1500))
def test_lines_stay_inside_the_plot_and_are_short(losses):
    plot = drawn(losses, rates={"U-Net": losses}).loss
    for line in plot.lines:
        assert all(-0.1 <= number <= chart.UNITS + 0.1 for number in numbers(line))
        assert len(numbers(line)) <= 4 * chart.MOST_POINTS + 2
    assert all(0 <= mark.place <= 100 for mark in plot.values)


def test_a_step_that_is_no_number_leaves_a_gap():
    each, smooth = drawn([0.1, math.nan, 0.2, 0.1]).loss.lines
    assert (each.path.count("M"), smooth.path.count("M")) == (2, 1)


def test_a_long_line_ends_where_the_run_ends():
    line = chart.path(enumerate([0.5] * 1501), 1501, 1.0)
    assert line.endswith(f"L{1000 * 1500.5 / 1501:.1f} 500.0")


def test_images_held_out_have_points_where_their_epochs_end():
    plot = drawn([0.2] * 4, [1, 1, 2, 2], validated={1: 0.42, 2: 0.4}).loss
    held, dots = plot.lines[2:]
    assert numbers(held)[::2] == [500.0, 1000.0]
    assert (held.label, dots.label, dots.path.count("h0")) == ("images held out", "", 2)
    assert plot.summary.endswith("on images held out it is lowest after epoch 2, 0.4")


def test_each_of_several_concepts_has_a_plot_of_the_same_scale():
    concepts = {"plain": [(0, 0.4), (2, 0.2)], "cape": [(1, 0.9), (3, 0.3)], "once": [(3, 0.1)]}
    plain, cape = drawn([0.2] * 4, concepts=concepts).concepts
    assert (plain.title, plain.summary) == ("plain", "smoothed loss from 0.4 to 0.2")
    assert plain.values == cape.values
    assert plain.lines[0] == cape.lines[0]
    assert numbers(cape.lines[1])[::2] == [375.0, 875.0]
    assert drawn([0.2] * 4, concepts={"plain": concepts["plain"]}).concepts == ()


def test_of_many_concepts_those_that_are_worst_at_the_end_are_shown():
    concepts = {f"c{number:02}": [(0, 0.5), (1, number / 100)] for number in range(20)}
    found = drawn([0.2] * 2, concepts=concepts)
    assert [plot.title for plot in found.concepts] == [f"c{number:02}" for number in range(8, 20)]
    assert found.left == 8


def test_parts_that_learn_alike_have_one_line():
    rates = {"U-Net": [1e-4, 5e-5], "text encoder": [1e-4, 5e-5], "second text encoder": [0.0, 0.0]}
    plot = drawn([0.2, 0.1], rates=rates).rates
    assert [line.label for line in plot.lines] == ["U-Net and text encoder"]
    assert plot.summary == "U-Net and text encoder from 0.0001 to 5e-05"
    apart = drawn([0.2, 0.1], rates=rates | {"second text encoder": [1e-5, 0.0]}).rates
    assert [line.style for line in apart.lines] == ["rate-1", "rate-2"]
    assert drawn([0.2, 0.1]).rates is None


@given(st.floats(1e-6, 1e6), st.integers(2, 4))
def test_ticks_are_round_and_few(high, most):
    marks = chart.ticks(high, most)
    assert marks[0] == 0
    assert 2 <= len(marks) <= most + 2
    assert marks[-1] <= high


def test_numbers_of_an_axis_are_short():
    assert list(map(chart.number, (0, 0.25, 1e-3, 2.5e-4, 1e-5))) == ["0", "0.25", "0.001", "2.5e-4", "1e-5"]
