import forms
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lorabuild.core.errors import ProjectError
from lorabuild.networks import attach, stored


@pytest.mark.parametrize("kind", forms.ADDITIVE)
def test_the_difference_of_a_file_is_the_one_that_its_adapter_adds(kind):
    held = forms.state(kind)
    adapter = attach.load(forms.layers(), held)
    for name, layer in stored.layers(held).items():
        own = adapter.layer(name)
        wanted = (own.scale * own.difference()).detach().double()
        torch.testing.assert_close(stored.difference(layer), wanted.flatten(1), rtol=1e-5, atol=1e-6)
        assert stored.norm(layer) == pytest.approx(float(wanted.norm()), rel=1e-5)
        flat = {"loha": ()}.get(kind, tuple(wanted.shape[2:]))  # a LoHa is flat: only larger kernels show in the name
        assert stored.kernel(name, layer) == ((3, 3) if name == forms.KERNEL else flat if kind != "lokr" else ())


KINDS = {"locon": "lora", "dora": "lora", "dylora": "lora", "lokr whole": "lokr", "diag_oft": "oft"}


@pytest.mark.parametrize("kind", forms.NETWORKS)
def test_every_type_is_known_and_comes_back(kind):
    held = forms.state(kind)
    found = stored.layers(held)
    assert {stored.kind(layer) for layer in found.values()} == {KINDS.get(kind, kind)}
    assert all(torch.equal(tensor, held[key]) for key, tensor in stored.state_of(found).items())
    assert all(stored.norm(layer) > 0 for layer in found.values())


def tensors(generator, **shapes):
    return {name.replace("__", "."): torch.randn(shape, generator=generator) for name, shape in shapes.items()}


def test_cores_of_other_trainers():
    """Tucker's forms, by the formulas that clients use, written out one by one."""
    generator, r = torch.Generator().manual_seed(0), 2
    locon = tensors(
        generator, lora_up__weight=(5, r, 1, 1), lora_down__weight=(r, 4, 1, 1), lora_mid__weight=(r, r, 3, 3)
    )
    up, down, mid = (locon[f"lora_{word}.weight"] for word in ("up", "down", "mid"))
    wanted = torch.stack([
        torch.stack([
            sum(up[o, m, 0, 0] * mid[m, n] * down[n, i, 0, 0] for m in range(r) for n in range(r)) for i in range(4)
        ])
        for o in range(5)
    ])  # fmt: skip
    torch.testing.assert_close(stored.difference(locon), wanted.double().flatten(1), rtol=1e-4, atol=1e-5)
    assert stored.kernel("lora_unet_a", locon) == (3, 3)
    loha = tensors(
        generator,
        **dict.fromkeys(("hada_w1_a", "hada_w2_a"), (r, 5)),
        **dict.fromkeys(("hada_w1_b", "hada_w2_b"), (r, 4)),
        **dict.fromkeys(("hada_t1", "hada_t2"), (r, r, 3, 3)),
    )
    sides = [torch.einsum("i j k l, j r -> i r k l", loha[f"hada_t{side}"], loha[f"hada_w{side}_b"]) for side in (1, 2)]
    first, second = (
        torch.einsum("i j k l, i r -> r j k l", temp, loha[f"hada_w{side}_a"])
        for side, temp in zip((1, 2), sides, strict=True)
    )
    torch.testing.assert_close(stored.difference(loha), (first * second).double().flatten(1), rtol=1e-4, atol=1e-5)


def test_an_alpha_that_is_missing_is_the_rank_and_whole_kronecker_products_have_none():
    held = stored.layers(forms.state("locon"))[forms.LINEAR]
    assert stored.strength(held) == 0.5
    assert stored.strength({name: tensor for name, tensor in held.items() if name != "alpha"}) == 1.0
    assert stored.strength(stored.layers(forms.state("lokr whole"))[forms.LINEAR]) == 1.0


def test_other_names_are_refused_and_other_forms_are_unknown():
    with pytest.raises(ProjectError, match=r"no LoRA with kohya's names: it has the tensor `unet\.a\.lora_A\.weight`"):
        stored.layers({"unet.a.lora_A.weight": torch.zeros(1)})
    assert stored.kind({"lora_down.weight": torch.zeros(1)}) == "unknown"
    assert stored.kind({**stored.layers(forms.state("loha"))[forms.LINEAR], "scalar": torch.ones(1)}) == "unknown"
    assert stored.kind({"w_norm": torch.zeros(2), "b_norm": torch.zeros(2)}) == "norm"


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 6), st.integers(1, 7), st.integers(1, 5), st.floats(-4, 4))
def test_norms_need_no_difference(outputs, inputs, rank, alpha):
    generator = torch.Generator().manual_seed(outputs * 64 + inputs * 8 + rank)
    layer = tensors(generator, lora_up__weight=(outputs, rank), lora_down__weight=(rank, inputs))
    layer["alpha"] = torch.tensor(alpha)
    assert stored.norm(layer) == pytest.approx(float(stored.difference(layer).norm()), rel=1e-6, abs=1e-9)


def test_layers_that_are_convolutions_of_one_pixel():
    """By their names, and of the first family alone by what its transformers begin and end with."""

    def names(text, *others):
        flat = {"lora_down.weight": torch.ones(1, text), "lora_up.weight": torch.ones(2, 1)}
        begin = "lora_unet_down_blocks_0_attentions_0_"
        found = (f"{begin}transformer_blocks_0_attn2_to_k", f"{begin}proj_in", *others)
        return stored.points(dict.fromkeys(found, flat))

    shortcut = "lora_unet_up_blocks_0_resnets_0_conv_shortcut"
    assert names(768, shortcut) == {shortcut, "lora_unet_down_blocks_0_attentions_0_proj_in"}
    assert names(1024, shortcut) == {shortcut}
    assert names(64, "lora_unet_input_blocks_4_1_proj_out") == frozenset()
