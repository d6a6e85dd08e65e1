import forms
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lorabuild.core.errors import ProjectError
from lorabuild.networks import stored
from lorabuild.networks.resize import kept, resized
from lorabuild.networks.spectrum import Limits


def differences(held):
    return {name: stored.difference(layer) for name, layer in stored.layers(held).items()}


@pytest.mark.parametrize("dim", [4, 64])
@pytest.mark.parametrize("kind", ["locon", "dylora", "dora"])
def test_at_full_rank_every_byte_stays(kind, dim):
    held = forms.state(kind)
    made = resized(held, Limits(dim))
    assert made.keys() == held.keys()
    assert all(torch.equal(made[key], tensor) for key, tensor in held.items())


@pytest.mark.parametrize("kind", ["loha", "lokr", "lokr whole", "full"])
def test_at_full_rank_others_become_a_lora_that_does_the_same(kind):
    held = forms.state(kind)
    made = resized(held, Limits(64))
    assert {stored.kind(layer) for layer in stored.layers(made).values()} == {"lora"}
    torch.testing.assert_close(forms.outputs(made), forms.outputs(held), rtol=1e-4, atol=1e-4)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 4), st.sampled_from(["locon", "dylora", "loha", "full"]))
def test_no_other_of_that_rank_is_nearer(dim, kind):
    """Eckart and Young: what is missing has the norm of the singular values that were left out."""
    held = forms.state(kind)
    made = differences(resized(held, Limits(dim)))
    for name, before in differences(held).items():
        left_out = torch.linalg.svdvals(before)[dim:].norm()
        torch.testing.assert_close((before - made[name]).norm(), left_out, rtol=1e-4, atol=1e-5)


@settings(max_examples=20, deadline=None)
@given(st.floats(0.05, 1))
def test_the_energy_that_was_asked_for_stays(energy):
    held = forms.state("locon")
    made = differences(resized(held, Limits(energy=energy)))
    for name, before in differences(held).items():
        assert made[name].square().sum() >= energy * before.square().sum() * (1 - 1e-5)


def test_alpha_type_and_kernel_stay_and_convolutions_have_a_rank_of_their_own():
    held = {key: tensor.half() for key, tensor in forms.state("locon").items()}
    found = stored.layers(resized(held, Limits(dim=2, conv_dim=1)))
    assert [stored.rank(found[name]) for name in (forms.LINEAR, forms.POINT, forms.KERNEL)] == [2, 2, 1]
    assert [float(found[name]["alpha"]) for name in (forms.LINEAR, forms.POINT, forms.KERNEL)] == [2, 2, 1.5]
    assert {tensor.dtype for layer in found.values() for tensor in layer.values()} == {torch.float16}
    assert found[forms.KERNEL]["lora_down.weight"].shape == (1, 8, 3, 3)
    assert found[forms.POINT]["lora_up.weight"].shape == (12, 2, 1, 1)


def test_a_dora_keeps_its_lengths_and_norms_stay():
    held = forms.state("dora")
    held["lora_unet_up_blocks_1_attentions_0_norm.w_norm"] = torch.ones(8)
    made = resized(held, Limits(2))
    assert torch.equal(made[f"{forms.LINEAR}.dora_scale"], held[f"{forms.LINEAR}.dora_scale"])
    assert torch.equal(made["lora_unet_up_blocks_1_attentions_0_norm.w_norm"], torch.ones(8))


@pytest.mark.parametrize("kind", ["ia3", "diag_oft"])
def test_what_has_no_rank_is_refused(kind):
    with pytest.raises(ProjectError, match="can't be resized"):
        resized(forms.state(kind), Limits(2))
    with pytest.raises(ProjectError, match="can't be resized"):
        resized({"lora_unet_a.diff": torch.ones(3, 3), "lora_unet_a.diff_b": torch.ones(3)}, Limits(2))


@pytest.mark.parametrize("kind", ["loha", "lokr"])
def test_what_was_flat_gets_the_shape_that_diffusers_takes(kind):
    made = resized(forms.state(kind), Limits(2))
    assert [made[f"{name}.lora_down.weight"].shape[1:] for name in (forms.LINEAR, forms.POINT, forms.KERNEL)] == [
        *((8, 1, 1), (8, 1, 1), (8, 3, 3)),
    ]


def test_one_alpha_for_all_where_there_was_none():
    assert {
        float(layer["alpha"]) for layer in stored.layers(resized(forms.state("full"), Limits(energy=0.9))).values()
    } == {1}
    held = {key: tensor for key, tensor in forms.state("locon").items() if not key.endswith("alpha")}
    made = resized(held, Limits(2))
    assert made.keys() == held.keys()
    assert differences(made)[forms.LINEAR].norm() <= differences(held)[forms.LINEAR].norm()


@pytest.mark.parametrize("kind", ["locon", "loha"])
def test_what_is_left_is_measured(kind):
    held = forms.state(kind)
    made, before = resized(held, Limits(1)), differences(held)
    gone = {name: float((before[name] - after).square().sum()) for name, after in differences(made).items()}
    whole = {name: float(one.square().sum()) for name, one in before.items()}
    found = kept(held, made)
    assert found.share == pytest.approx(1 - sum(gone.values()) / sum(whole.values()), abs=1e-6)
    assert found.least == pytest.approx(1 - max(gone[name] / whole[name] for name in gone), abs=1e-6)
    assert kept(held, held) == (1, 1, "")
