import torch
from diffusers import StableDiffusionPipeline
from sites import site

from lorabuild.models import family, source

CPU = torch.device("cpu")


def opened(tiny, **base):
    where = site(tiny.parent, tiny, base={"family": "sd2", **base})
    return family.load(source.locate(where), where.project.base, family.PARTS, CPU, torch.float32)


def test_text_is_padded_and_read_as_the_pipeline_does(tiny_sd2):
    pipeline = StableDiffusionPipeline.from_pretrained(tiny_sd2, safety_checker=None)
    model = opened(tiny_sd2)
    tokens = model.tokenize(["a b"])
    assert tokens.flatten().tolist() == [512, 64 + 256, 65 + 256, 513, *[0] * 73]
    wanted, _ = pipeline.encode_prompt("a b", CPU, 1, do_classifier_free_guidance=False)
    torch.testing.assert_close(model.encode_text(tokens)["hidden"], wanted)


def test_clip_skip_counts_from_the_last_layer_that_is_there(tiny_sd2):
    plain, skipped, shorter = opened(tiny_sd2), opened(tiny_sd2, clip_skip=2), opened(tiny_sd2)
    encoder = shorter._part("text_encoder")
    encoder.encoder.layers = encoder.encoder.layers[:-1]
    tokens = plain.tokenize(["a b"])
    torch.testing.assert_close(skipped.encode_text(tokens)["hidden"], shorter.encode_text(tokens)["hidden"])
    assert not torch.allclose(skipped.encode_text(tokens)["hidden"], plain.encode_text(tokens)["hidden"])


def test_v_is_what_the_folder_says_and_epsilon_what_lora_yaml_may_say(tiny_sd2):
    clean, noise, t = torch.zeros(1, 4, 2, 2), torch.ones(1, 4, 2, 2), torch.tensor([500])
    model = opened(tiny_sd2)
    assert model.prediction == "v_prediction"
    assert (model.target(clean, noise, t) < 1).all()
    assert torch.equal(opened(tiny_sd2, prediction="epsilon").target(clean, noise, t), noise)
