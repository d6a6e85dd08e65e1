import copy

import forms
import pytest
import torch
from torch import nn

from lorabuild.core.errors import ProjectError
from lorabuild.networks import attach, stored
from lorabuild.networks.extract import extracted, missing
from lorabuild.networks.merge import merge
from lorabuild.networks.spectrum import Limits


def tuned(held):
    """Layers with a file written into their weights."""
    made = forms.layers()
    merge(attach.load(made, held))
    return made


@pytest.mark.parametrize("limits", [Limits(), Limits(dim=4), Limits(ratio=1e4)])
def test_a_known_low_rank_difference_is_found_again(limits):
    held = forms.state("locon")
    made = dict(extracted(forms.layers(), tuned(held), limits, torch.float32))
    for name, layer in stored.layers(made).items():
        wanted = stored.layers(held)[name]
        torch.testing.assert_close(stored.difference(layer), stored.difference(wanted), rtol=1e-3, atol=1e-5)
    if limits.ratio:
        assert [stored.rank(layer) for layer in stored.layers(made).values()] == [4, 4, 3]
    torch.testing.assert_close(forms.outputs(made), forms.outputs(held), rtol=1e-3, atol=1e-4)


def test_the_best_of_a_smaller_rank_in_fp16():
    held = forms.state("locon")
    made = stored.layers(dict(extracted(forms.layers(), tuned(held), Limits(dim=2, conv_dim=1))))
    assert [stored.rank(made[name]) for name in (forms.LINEAR, forms.KERNEL)] == [2, 1]
    assert made[forms.KERNEL]["lora_down.weight"].dtype == torch.float16
    before = stored.difference(stored.layers(held)[forms.LINEAR])
    left = torch.linalg.svdvals(before)[2:].norm()
    rows = {name: lacks / norm for name, norm, lacks in missing(forms.layers(), tuned(held), stored.state_of(made))}
    assert rows[forms.LINEAR] == pytest.approx(float(left / before.norm()), rel=1e-2)
    assert float((stored.difference(made[forms.LINEAR]) - before).norm()) == pytest.approx(float(left), rel=1e-2)


def test_layers_that_stayed_are_left_out_and_other_models_are_refused():
    base, other = forms.layers(), copy.deepcopy(forms.layers())
    with torch.no_grad():
        other[forms.LINEAR].weight.add_(0.1)
    assert {key.partition(".")[0] for key, _ in extracted(base, other, Limits(2))} == {forms.LINEAR}
    with pytest.raises(ProjectError, match="different layers"):
        dict(extracted(base, {forms.LINEAR: base[forms.LINEAR]}, Limits(2)))
    with pytest.raises(ProjectError, match=r"not of one kind: a is \[12, 8\] and \[12, 9\]"):
        dict(extracted({"a": nn.Linear(8, 12)}, {"a": nn.Linear(9, 12)}, Limits(2)))
