"""Against what the standard trainer was seen to adapt in real-size models; no weights are needed."""

import json
from pathlib import Path

import pytest
import torch
from original import parts

from lorabuild.models import kohya, weights
from lorabuild.models.sdxl import Sdxl
from lorabuild.models.source import CONFIGS

DATA = Path(__file__).parents[1] / "data"
SD15, SDXL = (json.loads((DATA / f"lora_keys_{family}.json").read_text("utf-8")) for family in ("sd15", "sdxl"))


def modules(family):
    """All parts of a real-size model without its numbers."""
    return {
        name: weights.empty(part, json.loads((CONFIGS / family / name / "config.json").read_text("utf-8")))
        for name, part in parts(family).items()
        if name != "vae"
    }


@pytest.fixture(scope="module")
def sd15():
    found = modules("sd15")
    return found["unet"], found["text_encoder"]


@pytest.fixture(scope="module")
def sdxl():
    return modules("sdxl")


def all_layers(sd15, *, convolutions):
    unet, encoder = sd15
    return kohya.text_layers(encoder) | kohya.unet_layers(unet, convolutions=convolutions)


def kind(layer):
    return [type(layer).__name__, list(layer.weight.shape)]


def test_linear_layers_are_exactly_those_of_the_standard_trainer(sd15):
    found = all_layers(sd15, convolutions=False)
    assert {name: kind(layer) for name, layer in found.items()} == SD15["linear"]["layers"]
    assert len(found) == 264


def test_with_convolutions(sd15):
    known = SD15["convolutions"]
    unet, encoder = sd15
    found = kohya.unet_layers(unet, convolutions=True)
    assert len(found) == known["unet"] == 278
    assert len(kohya.text_layers(encoder)) == known["text_encoder"] == 72
    everything = all_layers(sd15, convolutions=True)
    assert SD15["linear"]["layers"].items() <= {name: kind(layer) for name, layer in everything.items()}.items()
    for name, example in known["layers"].items():
        assert kind(everything[name]) == example["org"]


def sdxl_layers(sdxl, *, convolutions):
    """As the model names them, without opening one."""
    found = {}
    for part, (_, prefix) in Sdxl.ENCODERS.items():
        found |= kohya.text_layers(sdxl[part], prefix)
    return found | Sdxl.unet_layers(sdxl["unet"], convolutions=convolutions)


def test_linear_layers_of_sdxl_have_its_original_names(sdxl):
    found = sdxl_layers(sdxl, convolutions=False)
    assert {name: kind(layer) for name, layer in found.items()} == SDXL["linear"]["layers"]
    counts = [sum(name.startswith(prefix) for name in found) for prefix in ("lora_te1_", "lora_te2_", "lora_unet_")]
    assert counts == [72, 192, 722]


def test_sdxl_with_convolutions(sdxl):
    known, found = SDXL["convolutions"], sdxl_layers(sdxl, convolutions=True)
    assert sum(name.startswith("lora_unet_") for name in found) == known["unet"] == 788
    assert len(found) == 788 + known["text_encoder"] == 788 + 264
    assert SDXL["linear"]["layers"].keys() <= found.keys()
    for name, example in known["layers"].items():
        assert kind(found[name]) == example


def test_sd2_has_the_layers_of_sd15_but_those_of_another_text_encoder(sd15):
    found = modules("sd2")
    assert list(kohya.unet_layers(found["unet"], convolutions=True)) == list(
        kohya.unet_layers(sd15[0], convolutions=True)
    )
    assert len(kohya.text_layers(found["text_encoder"])) == 23 * 6


def test_older_names_with_text_model_give_the_same(sd15):
    encoder = torch.nn.Module()
    encoder.text_model = sd15[1]
    assert list(kohya.text_layers(encoder)) == list(kohya.text_layers(sd15[1]))
