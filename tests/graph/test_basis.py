import light
import pytest

from lorabuild.graph import basis

PARTS = {"base.unet", "base.text_encoder", "base.tokenizer", "base.scheduler"}
TEXTS = {"base.clip_skip", "base.max_token_length"}
NOISE = {"base.prediction", "base.zero_terminal_snr"}
SECOND = {"base.text_encoder_2", "base.tokenizer_2"}


@pytest.fixture
def view(project):
    with light.viewed(project) as view:
        yield view


def test_what_each_purpose_reads(view):
    assert set(basis.for_texts(view, frozen=False)) == {"base.tokenizer", "base.max_token_length"}
    assert set(basis.for_texts(view, frozen=True)) == {"base.tokenizer", "base.text_encoder"} | TEXTS
    assert set(basis.for_training(view)) == PARTS | TEXTS | NOISE
    assert set(basis.for_drawing(view)) == PARTS | TEXTS | NOISE | {"base.vae"}


def test_parts_are_those_that_the_model_has(view):
    view.inventory.models.update(text_encoder_2="b3:2", tokenizer_2="b3:3")
    assert set(basis.for_texts(view, frozen=False)) == {"base.tokenizer", "base.tokenizer_2", "base.max_token_length"}
    assert set(basis.for_texts(view, frozen=True)) == {"base.tokenizer", "base.text_encoder"} | TEXTS | SECOND
    assert set(basis.for_training(view)) == PARTS | TEXTS | NOISE | SECOND
    assert basis.for_drawing(view)["base.tokenizer_2"] == "b3:3"


def test_noise_is_as_the_model_and_lora_yaml_together_say(view):
    read = basis.for_training(view)
    assert (read["base.prediction"], read["base.zero_terminal_snr"]) == ("epsilon", False)
