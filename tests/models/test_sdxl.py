import pytest
import torch
from diffusers import StableDiffusionXLPipeline
from sites import site

from lorabuild.core.errors import ProjectError, StageError
from lorabuild.models import family, source

CPU = torch.device("cpu")
SIZES = torch.tensor([[700.0, 500.0, 6.0, 0.0, 64.0, 48.0], [64.0, 64.0, 0.0, 0.0, 64.0, 64.0]])


def opened(tiny, parts=family.PARTS, dtype=torch.float32, **base):
    where = site(tiny.parent, tiny, base={"family": "sdxl", **base})
    return family.load(source.locate(where), where.project.base, parts, CPU, dtype)


@pytest.fixture(scope="module")
def model(tiny_sdxl):
    return opened(tiny_sdxl)


@pytest.fixture(scope="module")
def pipeline(tiny_sdxl):
    return StableDiffusionXLPipeline.from_pretrained(tiny_sdxl)


def test_each_encoder_pads_with_its_own_token(model):
    tokens = model.tokenize(["ab"])
    assert tokens.shape == (1, 2, 77)
    first, second = tokens[0].tolist()
    assert first == [512, 64, 256 + 65, 513, *[513] * 73]
    assert second == [512, 64, 256 + 65, 513, *[0] * 73]
    assert model.token_counts(["ab", "x" * 80]) == [2, 80]


def test_text_is_that_of_the_pipeline(model, pipeline):
    wanted, _, pooled, _ = pipeline.encode_prompt("a b", device=CPU, do_classifier_free_guidance=False)
    found = model.encode_text(model.tokenize(["a b"]))
    assert {name: tuple(held.shape) for name, held in found.items()} == {"hidden": (1, 77, 40), "pooled": (1, 20)}
    torch.testing.assert_close(found["hidden"], wanted)
    torch.testing.assert_close(found["pooled"], pooled)


def test_one_and_two_both_read_the_layer_before_the_last(tiny_sdxl, model):
    tokens = model.tokenize(["a"])
    again = opened(tiny_sdxl, ("text_encoder", "text_encoder_2"), clip_skip=2).encode_text(tokens)
    assert all(torch.equal(again[name], held) for name, held in model.encode_text(tokens).items())


def test_prediction_is_the_unet_s_with_sizes_and_pooled_text(model, pipeline):
    noisy = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    t, condition = torch.tensor([3, 700]), model.encode_text(model.tokenize(["a", "b"])) | {"sizes": SIZES}
    found = model.predict(noisy, t, condition)
    added = {"text_embeds": condition["pooled"], "time_ids": SIZES}
    with torch.no_grad():
        wanted = pipeline.unet(noisy, t, condition["hidden"], added_cond_kwargs=added).sample
    torch.testing.assert_close(found, wanted)
    for changed in ({"sizes": SIZES.flip(0)}, {"pooled": condition["pooled"].flip(0)}):
        assert (model.predict(noisy, t, condition | changed) - found).abs().max() > 1e-3


def test_sizes_stay_whole_in_bf16(tiny_sdxl):
    """1023 and 1024 pixels are one number in bf16; their sines aren't."""
    half = opened(tiny_sdxl, dtype=torch.bfloat16)
    seen = []
    half._modules["unet"].add_time_proj.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    condition = half.encode_text(half.tokenize(["a"])) | {"sizes": torch.tensor([[1023.0, 1024, 0, 0, 1024, 1024]])}
    assert condition["pooled"].dtype == torch.bfloat16
    assert half.predict(torch.zeros(1, 4, 8, 8), torch.tensor([5]), condition).dtype == torch.float32
    assert seen[0].tolist() == [1023, 1024, 0, 0, 1024, 1024]


def test_layers_are_named_as_in_original_files(model):
    names = list(model.layers(family.TRAINED["both"], convolutions=True))
    for name in (
        "lora_te1_text_model_encoder_layers_0_self_attn_k_proj",
        "lora_te2_text_model_encoder_layers_2_mlp_fc2",
        "lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q",
        "lora_unet_input_blocks_3_0_op",
        "lora_unet_output_blocks_2_2_conv",
        "lora_unet_middle_block_1_proj_in",
        "lora_unet_output_blocks_0_0_emb_layers_1",
    ):
        assert name in names
    assert len(model.layers(("text_encoder_2",), convolutions=False)) == 3 * 6


def test_parts_that_were_not_loaded_are_named(tiny_sdxl):
    some = opened(tiny_sdxl, ("tokenizer", "text_encoder"))
    with pytest.raises(StageError, match="tokenizer_2 of the base model was not loaded"):
        some.tokenize(["a"])
    with pytest.raises(StageError, match="text_encoder_2 of the base model was not loaded"):
        some.encode_text(torch.zeros(1, 2, 77, dtype=torch.int64))


def test_picture_sides_follow_its_three_levels(model):
    drawn = {"negatives": [""], "seeds": [1], "steps": 1, "cfg": 1.0}
    assert model.sample(["a"], **drawn, width=48, height=16).shape == (1, 16, 48, 3)
    with pytest.raises(ProjectError, match="multiples of 16"):
        model.sample(["a"], **drawn, width=40, height=16)
