"""lorabuild.models.latent_diffusion: every family draws what diffusers' own pipelines draw from the same noise."""

import json
import shutil

import pytest
import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
from sites import site

from lorabuild.models import family, source

CPU = torch.device("cpu")
SIZE = {"width": 64, "height": 32}
PIPELINES = {"sd15": StableDiffusionPipeline, "sd2": StableDiffusionPipeline, "sdxl": StableDiffusionXLPipeline}
ZERO = {"prediction_type": "v_prediction", "rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
KINDS = {
    "sd15": ("sd15", {}),
    "sd15 v": ("sd15", {"prediction_type": "v_prediction"}),
    "sd15 v, no signal at the end": ("sd15", ZERO),
    "sd2 v": ("sd2", {}),
    "sd2": ("sd2", {"prediction_type": "epsilon"}),
    "sdxl": ("sdxl", {}),
    "sdxl v": ("sdxl", {"prediction_type": "v_prediction"}),
    "sdxl v, no signal at the end": ("sdxl", ZERO),
}


def opened(folder, word, **base):
    where = site(folder.parent, folder, base={"family": word, **base})
    return family.load(source.locate(where), where.project.base, family.PARTS, CPU, torch.float32)


def open_pipeline(word, folder):
    words = {} if word == "sdxl" else {"safety_checker": None}
    pipe = PIPELINES[word].from_pretrained(folder, **words)
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.fixture(scope="module", params=KINDS)
def kind(request, folders, tmp_path_factory):
    """Word, model and pipeline, with the scheduler as the folder has it."""
    torch.set_num_threads(1)
    word, scheduler = KINDS[request.param]
    folder = shutil.copytree(folders[word], tmp_path_factory.mktemp("kind") / "base")
    config = folder / "scheduler/scheduler_config.json"
    config.write_text(json.dumps(json.loads(config.read_text("utf-8")) | scheduler), "utf-8")
    return word, opened(folder, word), open_pipeline(word, folder)


pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # the pipelines' own


def drawn(pipe, *words, seed=7, cfg=4.0, **more):
    generator = torch.Generator().manual_seed(seed)
    shared = {"num_inference_steps": 4, "guidance_scale": cfg, "output_type": "latent", **SIZE}
    return pipe(*words, generator=generator, **shared, **more).images


def assert_drawn(model, found, wanted):
    """Euler without any signal begins at noise of 4096, of which float32 tells no less than 0.0005."""
    near = 1e-4 if model.alphas_cumprod[-1] == 0 else 1e-5
    assert found.shape == wanted.shape
    assert (found - wanted).abs().max() <= near * wanted.abs().max()


@pytest.mark.parametrize("cfg", [1.0, 4.0])
def test_same_latents_as_the_pipeline_for_the_same_seed(kind, cfg):
    _, model, pipe = kind
    wanted = drawn(pipe, "a b", negative_prompt="c", cfg=cfg)
    found = model.sample_latents(["a b"], negatives=["c"], seeds=[7], steps=4, cfg=cfg, **SIZE)
    assert_drawn(model, found, wanted)


def test_same_picture_as_the_pipeline(kind):
    _, model, pipe = kind
    latents = model.sample_latents(["a b"], negatives=["c"], seeds=[7], steps=4, cfg=4.0, **SIZE)
    with torch.no_grad():
        wanted = pipe.vae.decode(latents / pipe.vae.config.scaling_factor).sample.permute(0, 2, 3, 1)
    assert (model.decode(latents) - ((wanted / 2 + 0.5).clamp(0, 1) * 255)).abs().max() < 0.51


def test_long_prompt_beside_a_short_negative_one(kind):
    """The pipelines know no chunks: they are given the hidden states, each chunk read by their own encoders."""
    word, model, pipe = kind
    prompt = "x" * 75 + " y z"
    rows = [encoded(word, pipe, first, second) for first, second in (("x" * 75, "y z"), ("c", ""))]
    names = ("prompt_embeds", "negative_prompt_embeds")
    given = {name: hidden for name, (hidden, _) in zip(names, rows, strict=True)}
    if word == "sdxl":
        pooled = ("pooled_prompt_embeds", "negative_pooled_prompt_embeds")
        given |= {name: row for name, (_, row) in zip(pooled, rows, strict=True)}
    wanted = drawn(pipe, **given)
    found = model.sample_latents([prompt], negatives=["c"], seeds=[7], steps=4, cfg=4.0, **SIZE)
    assert_drawn(model, found, wanted)
    plain = model.sample_latents(["x" * 75], negatives=["c"], seeds=[7], steps=4, cfg=4.0, **SIZE)
    assert (plain - found).abs().max() > 1e-3


def encoded(word, pipe, first, second):
    """Hidden states of two chunks, joined; pooled ones of the first."""
    made = [pipe.encode_prompt(chunk, device=CPU, num_images_per_prompt=1, do_classifier_free_guidance=False)
            for chunk in (first, second)]  # fmt: skip
    (one, two), pooled = [found[0] for found in made], made[0][2] if word == "sdxl" else None
    return torch.cat([one[:, :-1], two[:, 1:]], dim=1), pooled


def test_lora_yaml_says_what_the_folder_does_not(folders, tmp_path):
    """``prediction`` and ``zero_terminal_snr`` do what the same words in the scheduler's config do."""
    told = shutil.copytree(folders["sdxl"], tmp_path / "told")
    config = told / "scheduler/scheduler_config.json"
    config.write_text(json.dumps(json.loads(config.read_text("utf-8")) | ZERO), "utf-8")
    by_folder = opened(told, "sdxl")
    by_hand = opened(folders["sdxl"], "sdxl", prediction="v_prediction", zero_terminal_snr=True)
    plain = opened(told, "sdxl", prediction="epsilon", zero_terminal_snr=False)
    words = {"negatives": [""], "seeds": [1], "steps": 3, "cfg": 3.0, **SIZE}
    assert torch.equal(by_hand.sample_latents(["a"], **words), by_folder.sample_latents(["a"], **words))
    assert (by_hand.prediction, plain.prediction) == ("v_prediction", "epsilon")
    assert by_hand.alphas_cumprod[-1] == 0 < plain.alphas_cumprod[-1]


def test_a_sampler_that_can_t_begin_without_signal_gives_way_to_ddim(folders, tmp_path):
    folder = shutil.copytree(folders["sd15"], tmp_path / "pndm")
    config = folder / "scheduler/scheduler_config.json"
    words = json.loads(config.read_text("utf-8")) | {"_class_name": "PNDMScheduler", "skip_prk_steps": True}
    config.write_text(json.dumps(words), "utf-8")
    zero = {"prediction": "v_prediction", "zero_terminal_snr": True}
    drawn = {"negatives": [""], "seeds": [1], "steps": 3, "cfg": 3.0, **SIZE}
    found, wanted = (opened(at, "sd15", **zero).sample_latents(["a"], **drawn) for at in (folder, folders["sd15"]))
    assert torch.equal(found, wanted)
