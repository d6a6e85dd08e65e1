import forms
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lorabuild.core.errors import ProjectError
from lorabuild.models import device as devices
from lorabuild.models import family, source
from lorabuild.networks import attach, stored
from lorabuild.networks.strength import rebased, reweighted, scaled
from lorabuild.schema.base import Base
from lorabuild.schema.network import LoCon
from lorabuild.schema.project import Project
from lorabuild.schema.site import Site

EXACT = [kind for kind in forms.NETWORKS if kind not in ("dora", "diag_oft")]


@pytest.mark.parametrize("kind", EXACT)
@pytest.mark.parametrize("factor", [0.5, 0.3, 2.0])
def test_rebased_at_one_is_what_it_was_at_the_factor(kind, factor):
    held = forms.state(kind)
    torch.testing.assert_close(forms.outputs(rebased(held, factor)), forms.outputs(held, factor), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", forms.ADDITIVE)
def test_half_of_it_is_exact_in_fp16_too(kind):
    held = {key: tensor.half() for key, tensor in forms.state(kind).items()}
    for name, layer in stored.layers(rebased(held, 0.5)).items():
        before = stored.layers(held)[name]
        assert torch.equal(stored.difference(layer), 0.5 * stored.difference(before))
        assert {tensor.dtype for tensor in layer.values()} == {torch.float16}


def test_an_alpha_that_fp16_cannot_hold_is_float32():
    held = {key: tensor.half() for key, tensor in forms.state("locon").items()}
    made = rebased(held, 0.3)[f"{forms.LINEAR}.alpha"]
    assert made.dtype == torch.float32
    assert float(made) == pytest.approx(0.6)


@pytest.mark.parametrize(("kind", "why"), [("dora", "lengths belong to the base"), ("diag_oft", "half made")])
def test_what_has_no_half_is_refused(kind, why):
    held = forms.state(kind)
    with pytest.raises(ProjectError, match=why):
        rebased(held, 0.5)
    assert rebased(held, 1.0).keys() == held.keys()
    assert reweighted(held, {"OUT03": 1, "IN01": 0}).keys() == held.keys()


def test_a_form_that_nobody_knows_is_refused():
    layer = {"lora_down.weight": torch.zeros(1, 2)}
    with pytest.raises(ProjectError, match=r"lora_down\.weight: that form isn't known here"):
        scaled("lora_unet_a", layer, 0.5)


def test_blocks_have_their_own_strength_and_zero_leaves_them_out():
    held = forms.state("locon")
    held |= {key.replace("up_blocks_1", "down_blocks_0"): tensor for key, tensor in held.items()}
    found = stored.layers(reweighted(held, {"ALL": 0, "OUT03-OUT05": 0.5}))
    assert set(found) == set(forms.layers())
    assert all(stored.strength(layer) == 0.25 for layer in found.values())
    with pytest.raises(ProjectError, match="nothing is left"):
        reweighted(held, {"ALL": 0})
    with pytest.raises(ProjectError, match="there is no block `OUT3`") as error:
        reweighted(held, {"OUT3": 0})
    assert error.value.next_step == "did you mean `OUT03`?"


def test_linear_layers_keep_one_alpha_and_so_do_kernels():
    """Where blocks differ, the strength of some goes into their weights: diffusers reads no alpha of its own there."""
    held = forms.state("locon")
    held |= {key.replace("up_blocks_1", "down_blocks_0"): tensor for key, tensor in held.items()}
    held |= {key.replace("up_blocks_1", "mid_block"): tensor for key, tensor in held.items() if "up_blocks" in key}
    made = reweighted(held, {"OUT03": 0.5})
    for name, layer in stored.layers(made).items():
        assert float(layer["alpha"]) == (1.5 if name.endswith("conv1") else 2)
        factor = 0.5 if "up_blocks" in name else 1
        assert torch.equal(stored.difference(layer), factor * stored.difference(stored.layers(held)[name]))


@settings(max_examples=25, deadline=None)
@given(st.floats(0.01, 8), st.floats(0.01, 8))
def test_there_and_back_again(one, other):
    held = forms.state("locon")
    once, twice = rebased(held, one * other), rebased(rebased(held, one), other)
    for key, tensor in once.items():
        torch.testing.assert_close(twice[key], tensor, rtol=1e-6, atol=0)


def test_a_whole_unet_answers_the_same(tiny):
    """Rebased from 0.5 to 1, on a real U-Net and a text encoder."""
    base = Base(model=str(tiny))
    site = Site(Project(name="t", base=base), tiny)
    model = family.load(
        source.locate(site), base, family.PARTS, torch.device("cpu"), devices.drawing(torch.device("cpu"))
    )
    layers = model.layers(family.TRAINED["both"], convolutions=True)
    adapter = attach.attach(layers, LoCon(dim=4, alpha=3, conv_dim=2, conv_alpha=1), 0)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for one in adapter.trained():
            one.parameter.add_(torch.randn(one.parameter.shape, generator=generator), alpha=0.2)
    held = adapter.state()
    adapter.detach()

    def answer(state, weight):
        worn = attach.load(layers, state)
        worn.multiplier = weight
        with torch.no_grad():
            text = model.encode_text(model.tokenize(["zorbl, forest"]))
            sizes = torch.zeros(1, 6)
            latents = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(2))
            found = model.predict(latents, torch.tensor([400]), {**text, "sizes": sizes})
        worn.detach()
        return found

    assert not torch.allclose(answer(held, 1.0), answer(held, 0.5), rtol=1e-2)
    torch.testing.assert_close(answer(rebased(held, 0.5), 1.0), answer(held, 0.5), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", forms.ADDITIVE)
def test_a_negative_weight_stands_in_the_tensors_and_not_in_alpha(kind):
    for name, layer in stored.layers(forms.state(kind)).items():
        turned = scaled(name, layer, -1)
        assert torch.equal(stored.difference(turned), -stored.difference(layer))
        assert turned.get("alpha", torch.ones(())) > 0
