import pytest
import torch
from diffusers import StableDiffusionPipeline
from sites import site

from lorabuild.core.errors import ProjectError
from lorabuild.models import family, source

CPU = torch.device("cpu")
DRAWN = {"steps": 3, "cfg": 4.0, "width": 32, "height": 32}


def opened(tiny, parts=family.PARTS, dtype=torch.float32, **base):
    where = site(tiny.parent, tiny, base=base)
    return family.load(source.locate(where), where.project.base, parts, CPU, dtype)


@pytest.fixture(scope="module")
def model(tiny):
    torch.set_num_threads(1)
    return opened(tiny)


@pytest.fixture(scope="module")
def pipeline(tiny):
    pipe = StableDiffusionPipeline.from_pretrained(tiny, safety_checker=None)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def hidden(model, *texts):
    return model.encode_text(model.tokenize(texts))["hidden"]


def test_tokens_are_padded_and_cut_into_chunks(model):
    tokens = model.tokenize(["ab", "", "x" * 100])
    assert tokens.shape == (3, 1, 154)
    assert tokens.dtype == torch.int64
    short, empty, long = tokens[:, 0].view(3, 2, 77)
    assert short[0, :4].tolist() == [512, 64, 256 + 65, 513]
    assert short[1].tolist() == empty[0].tolist() == empty[1].tolist() == [512, *[513] * 76]
    assert long[0].tolist() == [512, *[ord("x") - 33] * 75, 513]
    assert long[1].tolist() == [512, *[ord("x") - 33] * 24, 256 + ord("x") - 33, *[513] * 51]
    assert model.token_counts(["ab", "", "x" * 100]) == [2, 0, 100]
    assert model.tokenize(["ab"]).shape == (1, 1, 77)


@pytest.mark.parametrize(("most", "length"), [(75, 77), (150, 154), (225, 231)])
def test_longer_texts_are_cut(tiny, most, length):
    model = opened(tiny, ("tokenizer",), max_token_length=most)
    tokens = model.tokenize(["x" * 1000])
    assert tokens.shape == (1, 1, length)
    assert (tokens == 512).sum() == (tokens == 513).sum() == length // 77
    assert torch.equal(tokens, model.tokenize(["x" * (most + 1)]))


def test_hidden_states_are_those_of_the_pipeline(model, pipeline):
    wanted, _ = pipeline.encode_prompt("a b", CPU, 1, do_classifier_free_guidance=False)
    torch.testing.assert_close(hidden(model, "a b"), wanted)


def test_clip_skip_two_is_the_encoder_without_its_last_layer(tiny):
    plain, skipped, shorter = opened(tiny), opened(tiny, clip_skip=2), opened(tiny)
    encoder = shorter._part("text_encoder")
    encoder.encoder.layers = encoder.encoder.layers[:-1]
    tokens = plain.tokenize(["a b"])
    found = skipped.encode_text(tokens)["hidden"]
    torch.testing.assert_close(found, shorter.encode_text(tokens)["hidden"])
    assert not torch.allclose(found, plain.encode_text(tokens)["hidden"])


def test_clip_skip_beyond_the_first_layer_is_refused(tiny):
    deep = opened(tiny, clip_skip=4)
    with pytest.raises(ProjectError, match="clip_skip 4 is more than the text encoder's 3 layers"):
        deep.encode_text(deep.tokenize(["a"]))


def test_chunks_are_joined_without_their_inner_ends(model):
    both = hidden(model, "x" * 75 + "b c")
    alone = model.encode_text(model.tokenize(["x" * 75 + "b c"]).view(2, 1, 77))["hidden"]
    assert both.shape == (1, 152, 16)
    torch.testing.assert_close(both[0, :76], alone[0, :76])
    torch.testing.assert_close(both[0, 76:], alone[1, 1:])


def test_latents_are_the_scaled_sample(model, pipeline):
    images = torch.randint(0, 256, (2, 16, 24, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    noise = torch.randn(2, 4, 4, 6, generator=torch.Generator().manual_seed(1))
    found = model.encode_images(images, noise)
    with torch.no_grad():
        spread = pipeline.vae.encode(images.permute(0, 3, 1, 2) / 127.5 - 1).latent_dist
    assert found.shape == (2, 4, 4, 6)
    torch.testing.assert_close(found, (spread.mean + spread.std * noise) * 0.5)
    assert not torch.equal(found, model.encode_images(images, torch.zeros_like(noise)))


def test_decoded_pictures(model, pipeline):
    latents = torch.randn(5, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    found = model.decode(latents)
    assert found.shape == (5, 32, 32, 3)
    assert found.dtype == torch.uint8
    with torch.no_grad():
        wanted = pipeline.vae.decode(latents / 0.5).sample.permute(0, 2, 3, 1)
    assert (found - ((wanted / 2 + 0.5).clamp(0, 1) * 255)).abs().max() < 0.51
    assert torch.equal(model.decode(latents[3:4])[0], found[3])


def test_prediction_is_the_unet_s(model, pipeline):
    noisy = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    t, condition = torch.tensor([3, 700]), model.encode_text(model.tokenize(["a", "b"]))
    found = model.predict(noisy, t, condition)
    with torch.no_grad():
        torch.testing.assert_close(found, pipeline.unet(noisy, t, condition["hidden"]).sample)


def test_bf16_weights_answer_in_float32(tiny):
    half = opened(tiny, dtype=torch.bfloat16)
    condition = half.encode_text(half.tokenize(["a"]))
    assert condition["hidden"].dtype == torch.bfloat16
    found = half.predict(torch.zeros(1, 4, 8, 8), torch.tensor([5]), condition)
    assert found.dtype == torch.float32
    latents = half.encode_images(torch.zeros(1, 16, 16, 3, dtype=torch.uint8), torch.zeros(1, 4, 4, 4))
    assert latents.dtype == torch.float32
    half.to(CPU, torch.float32)
    assert hidden(half, "a").dtype == torch.float32


def test_pictures_don_t_depend_on_their_neighbours(model):
    words, seeds = [f"word {n}" for n in range(6)], [10, 11, 12, 13, 14, 15]
    everything = model.sample(words, negatives=[""] * 6, seeds=seeds, **DRAWN)
    assert everything.shape == (6, 32, 32, 3)
    for picked in ([4], [5, 0], [3, 2, 1]):
        some = model.sample(
            [words[n] for n in picked], negatives=[""] * len(picked), seeds=[seeds[n] for n in picked], **DRAWN
        )
        assert torch.equal(some, everything[picked])


def test_size_that_the_unet_can_t_halve_is_refused(model):
    with pytest.raises(ProjectError, match="multiples of 32") as caught:
        model.sample(["a"], negatives=[""], seeds=[1], **DRAWN | {"width": 40})
    assert "32x32" in caught.value.next_step


def test_noise_schedule_of_the_folder(model):
    assert model.num_timesteps == len(model.alphas_cumprod) == 1000
    assert model.prediction == "epsilon"
    noise = torch.ones(1, 4, 2, 2)
    assert torch.equal(model.target(torch.zeros_like(noise), noise, torch.tensor([9])), noise)
    assert model.snr(torch.tensor([0])) > model.snr(torch.tensor([999]))
    assert (model.vae_factor, model.latent_channels) == (4, 4)
