"""What the programs around us call each family of base models. It imports nothing heavy: a plan reads it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FamilyFacts:
    """What the programs around us call a family.

    Attributes:
        epsilon, v_prediction: ``ss_base_model_version`` by what the base predicts.
        architecture: of the Stability model specification, for a LoRA of this family.
        v_architecture: the same of one that predicts v.
        implementation: of that specification.
        webui: ``sd version`` in the side file of the web UI.
        pipeline: the class in diffusers that draws with it.
        civitai: ``baseModel`` on Civitai.
        v_civitai: the same of one that predicts v.
        hub_tag: its tag on the Hugging Face hub.
        blocks: input blocks of its U-Net, and as many output blocks, in the notation of ``blocks.py``.
        layer: the text encoders' layer, from the end, that is always read; None where ``clip_skip`` says which.
        v2: ``ss_v2``.
        open_clip: whether a text encoder of it is OpenCLIP's, whose attention has one weight for q, k and v.
        switch: the word that turns it on in the standard trainer and its web GUI; none for the first.
        script: of the standard trainer, for a LoRA of this family.
        usual: the model that the family is named after, as a hub id.
        text_encoders: how many it has.
    """

    epsilon: str
    v_prediction: str
    architecture: str
    v_architecture: str
    implementation: str
    webui: str
    pipeline: str
    civitai: str
    v_civitai: str
    hub_tag: str = "stable-diffusion"
    blocks: int = 12
    layer: int | None = None
    v2: bool = False
    open_clip: bool = False
    switch: str = ""
    script: str = "train_network.py"
    usual: str = ""
    text_encoders: int = 1


_STABILITY = "https://github.com/Stability-AI/generative-models"
FACTS = {
    "sd15": FamilyFacts(
        *("sd_v1", "sd_v1_v", "stable-diffusion-v1/lora", "stable-diffusion-v1/lora"),
        *("diffusers", "SD1", "StableDiffusionPipeline", "SD 1.5", "SD 1.5"),
        usual="stable-diffusion-v1-5/stable-diffusion-v1-5",
    ),
    "sd2": FamilyFacts(
        *("sd_v2", "sd_v2_v", "stable-diffusion-v2-512/lora", "stable-diffusion-v2-768-v/lora"),
        *("diffusers", "SD2", "StableDiffusionPipeline", "SD 2.1", "SD 2.1 768"),
        v2=True,
        open_clip=True,
        switch="v2",
        usual="stabilityai/stable-diffusion-2-1-base",
    ),
    "sdxl": FamilyFacts(
        *("sdxl_base_v1-0", "sdxl_base_v1-0", "stable-diffusion-xl-v1-base/lora", "stable-diffusion-xl-v1-base/lora"),
        *(_STABILITY, "SDXL", "StableDiffusionXLPipeline", "SDXL 1.0", "SDXL 1.0"),
        hub_tag="stable-diffusion-xl",
        blocks=9,
        layer=2,
        open_clip=True,
        switch="sdxl",
        script="sdxl_train_network.py",
        usual="stabilityai/stable-diffusion-xl-base-1.0",
        text_encoders=2,
    ),
}
