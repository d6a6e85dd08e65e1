"""Against what the standard trainer was seen to adapt in a real-size Stable Diffusion 1.5; no weights are needed."""

import json
from pathlib import Path

import pytest
import torch
from diffusers import UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

from lorabuild.models import kohya
from lorabuild.models.source import CONFIGS

KNOWN = json.loads((Path(__file__).parents[1] / "data" / "lora_keys_sd15.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def sd15():
    with torch.device("meta"):
        unet = UNet2DConditionModel.from_config(json.loads((CONFIGS / "sd15/unet/config.json").read_text("utf-8")))
        encoder = CLIPTextModel(CLIPTextConfig.from_json_file(str(CONFIGS / "sd15/text_encoder/config.json")))
    return unet, encoder


def all_layers(sd15, *, convolutions):
    unet, encoder = sd15
    return kohya.text_layers(encoder) | kohya.unet_layers(unet, convolutions=convolutions)


def kind(layer):
    return [type(layer).__name__, list(layer.weight.shape)]


def test_linear_layers_are_exactly_those_of_the_standard_trainer(sd15):
    found = all_layers(sd15, convolutions=False)
    assert {name: kind(layer) for name, layer in found.items()} == KNOWN["linear"]["layers"]
    assert len(found) == 264


def test_with_convolutions(sd15):
    known = KNOWN["convolutions"]
    unet, encoder = sd15
    found = kohya.unet_layers(unet, convolutions=True)
    assert len(found) == known["unet"] == 278
    assert len(kohya.text_layers(encoder)) == known["text_encoder"] == 72
    assert (
        KNOWN["linear"]["layers"].items()
        <= {k: kind(v) for k, v in all_layers(sd15, convolutions=True).items()}.items()
    )
    for name, example in known["layers"].items():
        assert kind(all_layers(sd15, convolutions=True)[name]) == example["org"]


def test_older_names_with_text_model_give_the_same(sd15):
    _, encoder = sd15
    older = torch.nn.Module()
    older.text_model = encoder
    assert list(kohya.text_layers(older)) == list(kohya.text_layers(encoder))


def test_asking_again_gives_the_same(sd15):
    all_layers(sd15, convolutions=True)
    assert len(all_layers(sd15, convolutions=False)) == 264
