import forms
import pytest
import torch

from lorabuild.core.errors import ProjectError
from lorabuild.networks import stored
from lorabuild.networks.dylora import Dynamic
from lorabuild.networks.finish import cut, finished, said
from lorabuild.networks.inspect import about
from lorabuild.networks.layer import Form
from lorabuild.schema.finish import step


def test_steps_are_done_one_after_another():
    held, other = forms.state("locon"), forms.state("locon", 7)
    steps = [
        step("merge", [{"file": "a/other.safetensors", "weight": 0.5}]),
        step("rebase", {"from": 0.5}),
        step("resize", 2),
        step("blocks", {"OUT03": 0.5}),
    ]
    made = finished(held, steps, [other])
    for name, layer in stored.layers(made).items():
        sides = [stored.difference(stored.layers(file)[name]) for file in (held, other)]
        whole = 0.25 * (sides[0] + 0.5 * sides[1])
        left, values, right = torch.linalg.svd(whole, full_matrices=False)
        wanted = (left[:, :2] * values[:2]) @ right[:2]
        torch.testing.assert_close(stored.difference(layer), wanted, rtol=1e-3, atol=1e-5)
    assert said(steps) == [
        {"merge": [{"file": "other.safetensors", "weight": 0.5}]},
        {"rebase": {"from": 0.5, "to": 1.0}},
        {"resize": {"dim": 2}},
        {"blocks": {"OUT03": 0.5}},
    ]


def test_without_steps_nothing_happens():
    held = forms.state("loha")
    assert finished(held, []) == held


@pytest.mark.parametrize("dim", [2, 4])
def test_a_cut_dylora_is_the_sub_rank_that_was_trained(dim):
    """While it trains, a row that draws the block up to ``dim`` sees √(dim / r) · alpha / dim · up[:, :r] down[:r]."""
    held = forms.state("dylora")
    down, up = (held[f"{forms.LINEAR}.lora_{word}.weight"] for word in ("down", "up"))
    own = Dynamic(Form((12, 8)), 4, 2.0, 2)
    with torch.no_grad():
        own.lora_down.copy_(down)
        own.lora_up.copy_(up)
    x = torch.randn(3, 8, generator=torch.Generator().manual_seed(0))
    own._masks = lambda _: tuple(  # what the draw of this block gives
        ((torch.arange(4) >= low) & (torch.arange(4) < high)).float()[None] * (4 / dim) ** 0.5
        for low, high in ((dim - 2, dim), (0, dim - 2))
    )
    own.chance.seeds.rows = (1,) * 3
    trained = own.through(x, own.scale)
    made = stored.layers(cut(held, dim))[forms.LINEAR]
    assert stored.rank(made) == dim
    torch.testing.assert_close(x.double() @ stored.difference(made).t(), trained.double(), rtol=1e-5, atol=1e-6)


def test_a_cut_that_can_not_be():
    with pytest.raises(ProjectError, match="its rank is 4"):
        cut(forms.state("dylora"), 8)
    with pytest.raises(ProjectError, match="no rank in common"):
        cut(forms.state("full"), 2)


@pytest.mark.parametrize(
    ("word", "value", "what"),
    [
        ("resize", {"energy": 2}, "resize.energy: input should be less than or equal to 1"),
        ("resize", 0, "resize.dim: input should be greater than or equal to 1"),
        ("rebase", {"from": 0}, "rebase.from: input should be greater than 0"),
        ("nothing", 1, "nothing: extra inputs"),
    ],
)
def test_a_step_that_can_not_be_meant(word, value, what):
    with pytest.raises(ProjectError, match=what):
        step(word, value)


def test_what_the_header_says_of_a_file():
    assert about(forms.state("locon")) == {
        "type": "LoCon", "dim": "4", "alpha": "2.0", "conv_dim": "3", "conv_alpha": "1.5",
    }  # fmt: skip
