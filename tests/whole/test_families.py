"""A project of every other family, from pictures to a LoRA that diffusers draws alike."""

import importlib
import io
import shutil

import numpy as np
import pytest
import small
import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
from PIL import Image
from safetensors import safe_open

from lorabuild.graph.session import viewing
from lorabuild.schema.load import load

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # the pipelines' own
KINDS = {
    "sd2": ("family: sd2", StableDiffusionPipeline, {"te", "unet"}),
    "sdxl": (
        "family: sdxl, prediction: v_prediction, zero_terminal_snr: true",
        StableDiffusionXLPipeline,
        {"te1", "te2", "unet"},
    ),
}


@pytest.fixture(params=KINDS)
def made(request, tmp_path):
    """The project before it is built, its pipeline, and the parts that its LoRA has."""
    words, pipeline, parts = KINDS[request.param]
    models = small.make_models(tmp_path / "models")
    shutil.rmtree(models / "base")
    importlib.import_module(f"tiny_{request.param}").make(models / "base")
    project = small.make(tmp_path / "tiny", models)
    project.write("base: {model: base}", f"base: {{model: base, {words}}}")
    project.write("lr: 1.0e-3", "lr: 3.0e-2")
    project.path("dataset/cape/g.txt").write_text("grey, " + "by hand " * 30, "utf-8")
    return project, pipeline, parts


def test_a_lora_is_built_and_drawn_alike_by_diffusers(made):
    project, pipeline, parts = made
    built = project.build()
    assert built.code == 0, built.text
    assert {"train", "sample", "package"} <= built.ran.keys()
    assert project.build().ran == {}
    with safe_open(project.path(small.LORA), "pt") as file:
        assert {name.split("_")[1] for name in file.keys()} == parts  # noqa: SIM118 - no mapping
    ours, (alone, theirs) = sampled(project), drawn(project, pipeline)
    assert np.abs(ours - theirs).max() <= 2  # the file is fp16, our sample was drawn with the fp32 weights
    assert np.abs(theirs - alone).max() > 20


def sampled(project):
    """The picture of the last epoch."""
    with viewing(load(project.root)) as view:
        made = view.made("sample")["epoch 2 · zorbl, red"]
        return np.asarray(Image.open(io.BytesIO(view.store.read(made.outputs["picture"])))).astype(int)


def drawn(project, pipeline):
    """The same without the LoRA and with it, by diffusers."""
    samples = load(project.root).project.samples
    pipe = pipeline.from_pretrained(project.path("base"))
    pipe.set_progress_bar_config(disable=True)
    if "XL" in pipeline.__name__:
        words = {"prediction_type": "v_prediction", "rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
        pipe.scheduler = pipe.scheduler.from_config(pipe.scheduler.config, **words)
    asked = {"negative_prompt": samples.negative, "guidance_scale": samples.cfg, "num_inference_steps": samples.steps}

    def picture():
        seed = torch.Generator().manual_seed(samples.seed)
        found = pipe(samples.prompts[0].prompt, generator=seed, width=64, height=64, output_type="np", **asked).images[
            0
        ]
        return (found * 255).round().astype(int)

    alone = picture()
    pipe.load_lora_weights(project.path("out"), weight_name="tiny.safetensors")
    return alone, picture()
