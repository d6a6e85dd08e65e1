import light
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorabuild.core.errors import ProjectError
from lorabuild.graph import axes
from lorabuild.graph.session import viewing


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return light.finished(light.make(tmp_path_factory.mktemp("axes") / "p", variants={"wide": {"network.dim": 4}}))


@pytest.fixture
def view(root):
    with viewing(light.opened(root)) as view:
        yield view


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1-3", [1, 2, 3]),
        ("1, 3 ,5-9/2", [1, 3, 5, 7, 9]),
        ("0-1/0.25", [0, 0.25, 0.5, 0.75, 1]),
        ("-2--1,-0.5", [-2, -1, -0.5]),
        ("0.1-0.3/0.1", [0.1, 0.2, 0.3]),
    ],
)
def test_numbers_and_ranges(text, found):
    assert axes.numbers(text) == found


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=9))
def test_numbers_are_read_as_they_are_written(numbers):
    assert axes.whole(",".join(map(str, numbers)), -50) == numbers


@given(st.lists(st.integers(), min_size=1, max_size=40, unique=True), st.integers(1, 9))
def test_a_choice_of_values_is_in_order_and_has_the_last(values, most):
    found = axes.spread(values, most)
    assert len(found) == min(most, len(values))
    assert found == [value for value in values if value in found]
    assert found[-1] == values[-1]


@pytest.mark.parametrize(
    ("written", "values"),
    [
        (["epoch"], (1, 2)),
        (["epoch=last"], (2,)),
        (["epoch=2,1,2"], (2, 1)),
        (["weight"], (0.5, 0.75, 1.0, 1.25)),
        (["weight=0,0.5"], (0.0, 0.5)),
        (["prompt"], ("zorbl", "zorbl, zorbl_cape")),
        (["prompt=2"], ("zorbl, zorbl_cape",)),
        (["prompt=zorbl, hat", "prompt=1"], ("zorbl, hat", "zorbl")),
        (["prompt={trigger}, hat"], ("zorbl, hat", "zorbl_cape, hat")),
        (["seed"], (42, 43, 44, 45)),
        (["seed=1-3"], (1, 2, 3)),
        (["sampler=euler_a,DDIM"], ("euler_a", "ddim")),
        (["cfg=1,7.5"], (1.0, 7.5)),
        (["steps=5"], (5,)),
        (["blocks=OUTD, IN04-IN05"], ("OUTD", "IN04-IN05")),
        (["base=base,other"], ("", "other")),
    ],
)
def test_values(view, written, values):
    assert axes.axis(view, written).values == values


def test_every_axis_that_has_usual_values_shows_them(view):
    assert [name for name, kind in axes.KINDS.items() if kind.usual is None] == ["base"]
    for name in axes.KINDS.keys() - {"base", "variant"}:
        assert len(axes.axis(view, [name]).labels()) >= 2


@pytest.mark.parametrize(
    ("written", "what", "hint"),
    [
        ("epoc", "there is no axis `epoc`", "did you mean `epoch`?"),
        ("epoch=3", "there is no epoch 3", "trained and kept: 1 to 2"),
        ("epoch=1.5", "`1.5` won't do here", "whole numbers from 0 will"),
        ("epoch=3-1", "`3-1` is too long, or no range", "write it upwards: from-to or from-to/step"),
        ("weight=a", "`a` is no number", "write numbers and ranges: 1,2,5-8 or 0-1/0.25"),
        ("prompt=3", "`3` won't do here", "whole numbers from 1 to 2 will"),
        ("cfg=0.5", "a guidance scale of 0.5 means nothing", "1 is none, 7 is usual"),
        ("steps=0", "`0` won't do here", "whole numbers from 1 to 1000 will"),
        ("sampler=eulr", "there is no sampler `eulr`", "did you mean `euler`?"),
        ("blocks=OUT99", "there is no block `OUT99`", "did you mean `OUT09`?"),
        ("base", "`base` has no usual values", "write which: base=…"),
        ("variant=wid", "there is no variant `wid`", "did you mean `wide`?"),
        (
            "variant=wide",
            "variant wide isn't trained as lora.yaml stands",
            "run `lorabuild` first: it trains what is missing",
        ),
    ],
)
def test_what_there_is_not_is_said(view, written, what, hint):
    with pytest.raises(ProjectError) as error:
        axes.axis(view, [written])
    assert (error.value.what, error.value.next_step) == (what, hint)


def test_one_direction_is_one_axis(view):
    with pytest.raises(ProjectError, match="one axis can't be both `epoch` and `seed`"):
        axes.axis(view, ["epoch=1", "seed=2"])


def test_labels():
    words = {"epoch": 3, "weight": 0.5, "steps": 20, "sampler": "", "base": "/a/b/model", "variant": "", "cfg": 7.0}
    assert [axes.label(name, value) for name, value in words.items()] == [
        *("epoch 3", "weight 0.5", "20 steps", "sampler (of the base)", "base model", "no variant", "cfg 7"),
    ]
    assert axes.label("prompt", "") == "(empty prompt)"


def test_without_prompts_the_triggers_are_drawn(tmp_path):
    root = light.make(tmp_path / "p", samples=None)
    with light.viewed(root) as view:
        assert axes.prompts(view) == ["zorbl", "zorbl, zorbl_cape"]
