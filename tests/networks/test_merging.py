from itertools import combinations_with_replacement

import forms
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lorabuild.core.errors import ProjectError
from lorabuild.networks import stored
from lorabuild.networks.merging import merged

WEIGHTS = (0.7, -0.4)


@pytest.mark.parametrize("kinds", list(combinations_with_replacement(forms.ADDITIVE, 2)), ids=" and ".join)
def test_the_merged_file_is_the_sum_of_the_differences(kinds):
    files = [forms.state(kind, seed) for seed, kind in enumerate(kinds)]
    made = merged(list(zip(files, WEIGHTS, strict=True)))
    for name, layer in stored.layers(made).items():
        parts = [stored.difference(stored.layers(held)[name]) for held in files]
        wanted = sum(weight * part for weight, part in zip(WEIGHTS, parts, strict=True))
        torch.testing.assert_close(stored.difference(layer), wanted, rtol=1e-4, atol=1e-5)
    changes = sum(forms.changes(held, weight) for held, weight in zip(files, WEIGHTS, strict=True))
    torch.testing.assert_close(forms.changes(made), changes, rtol=1e-3, atol=2e-4)


def test_ranks_stand_beside_each_other_and_whole_differences_stay_whole():
    made = stored.layers(merged([(forms.state("locon"), 1), (forms.state("dylora"), 0.5)]))
    assert [stored.rank(made[name]) for name in (forms.LINEAR, forms.KERNEL)] == [8, 7]
    assert [float(made[name]["alpha"]) for name in (forms.LINEAR, forms.POINT, forms.KERNEL)] == [8, 8, 7]
    full = merged([(forms.state("full"), 1), (forms.state("full", 2), 1)])
    assert {stored.kind(layer) for layer in stored.layers(full).values()} == {"full"}


def test_factors_of_one_side_are_added():
    one, other = forms.state("ia3", 1), forms.state("ia3", 2)
    made = merged([(one, 0.5), (other, 0.25)])
    wanted = forms.changes(one, 0.5) + forms.changes(other, 0.25)
    torch.testing.assert_close(forms.changes(made), wanted, rtol=1e-4, atol=1e-5)
    turned = {key: 1 - tensor if key.endswith("on_input") else tensor for key, tensor in other.items()}
    with pytest.raises(ProjectError, match="inputs, another its outputs"):
        merged([(one, 1), (turned, 1)])


@pytest.mark.parametrize("kind", ["dora", "diag_oft"])
def test_what_is_no_sum_is_refused_unless_it_stands_alone(kind):
    held = forms.state(kind)
    with pytest.raises(ProjectError, match="can't be added to others"):
        merged([(held, 1), (forms.state("locon"), 1)])
    alone = merged([(held, 1), (forms.state("locon"), 0)])
    assert all(torch.equal(alone[key], tensor) for key, tensor in held.items())


def test_what_does_not_fit_is_refused():
    held = forms.state("locon")
    with pytest.raises(ProjectError, match="IA3 and LoRA can't be added"):
        merged([(held, 1), (forms.state("ia3"), 1)])
    with pytest.raises(ProjectError, match="nothing is left"):
        merged([(held, 0)])
    wide = {"lora_unet_up_blocks_1_attentions_0_proj_in.lora_down.weight": torch.ones(1, 9),
            "lora_unet_up_blocks_1_attentions_0_proj_in.lora_up.weight": torch.ones(12, 1)}  # fmt: skip
    with pytest.raises(ProjectError, match="other sizes"):
        merged([(held, 1), (wide, 1)])
    short = {"lora_unet_input_blocks_4_1_proj_in.diff": torch.ones(2, 2)}
    with pytest.raises(ProjectError, match="different families"):
        merged([(held, 1), (short, 1)])


@settings(max_examples=15, deadline=None)
@given(st.floats(-2, 2), st.floats(-2, 2))
def test_a_file_with_itself_is_the_sum_of_its_weights(one, other):
    held = forms.state("locon")
    if one and other:
        wanted = (one + other) * forms.changes(held)
        torch.testing.assert_close(forms.changes(merged([(held, one), (held, other)])), wanted, rtol=1e-3, atol=1e-4)


def test_the_widest_type_stays():
    held = forms.state("locon")
    half = {key: tensor.half() for key, tensor in held.items()}
    types = {tensor.dtype for tensor in merged([(half, 1), (held, 1)]).values()}
    assert types == {torch.float32}
