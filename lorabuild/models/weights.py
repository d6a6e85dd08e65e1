"""Open parts of a Stable Diffusion model from safetensors: a diffusers folder, or one original file with our configs.

Nothing goes online and nothing is unpickled.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.utils import logging as diffusers_logging
from safetensors import SafetensorError, safe_open
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer
from transformers.utils import logging as transformers_logging

from lorabuild.core.errors import ProjectError

if TYPE_CHECKING:
    from torch import nn

    from lorabuild.models.source import Located

PREFIX = "cond_stage_model.transformer."
CLASSES = {"unet": UNet2DConditionModel, "vae": AutoencoderKL, "text_encoder": CLIPTextModel}


def open_part(located: Located, part: str, dtype: torch.dtype) -> nn.Module:
    """The U-Net, VAE or text encoder on the CPU: frozen, no dropout. Raises ``ProjectError`` when it doesn't fit."""
    _quiet()
    try:
        module = _from_folder(located, part, dtype) if located.kind == "folder" else _from_file(located, part, dtype)
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        raise _unusable(f"the {part} of {located.path}", error) from error
    for dropout in (found for found in module.modules() if isinstance(found, torch.nn.Dropout)):
        dropout.p = 0.0
    return module.requires_grad_(requires_grad=False).eval()


def open_tokenizer(located: Located) -> Any:
    """CLIP's tokenizer. Raises ``ProjectError`` when its files are damaged or hold no vocabulary."""
    _quiet()
    try:
        tokenizer = CLIPTokenizer.from_pretrained(str(located.tokenizer), local_files_only=True)
    except Exception as error:  # the tokenizers library raises nothing more special
        raise _unusable(f"the tokenizer in {located.tokenizer}", error) from error
    if len(tokenizer) <= len(tokenizer.all_special_tokens):
        raise ProjectError(f"the tokenizer in {located.tokenizer} has an empty vocabulary", where="base.model")
    return tokenizer


def scheduler_config(located: Located) -> dict[str, Any]:
    """The sampler's class and noise schedule."""
    return cast("dict[str, Any]", json.loads(located.files["scheduler"][0].read_text("utf-8")))


def _unusable(what: str, error: Exception) -> ProjectError:
    reason = " ".join(str(error).split())
    next_step = "the file may be cut off or damaged: get the model again"
    return ProjectError(f"{what} can't be loaded: {reason}", where="base.model", next_step=next_step)


def _from_folder(located: Located, part: str, dtype: torch.dtype) -> nn.Module:
    words: dict[str, Any] = {"use_safetensors": True, "local_files_only": True}
    if any(".fp16." in path.name for path in located.files[part]):
        words["variant"] = "fp16"
    if part == "text_encoder":
        return cast(
            "nn.Module",
            CLIPTextModel.from_pretrained(str(located.path / part), dtype=dtype, attention_dropout=0.0, **words),
        )
    return cast("nn.Module", CLASSES[part].from_pretrained(str(located.path / part), torch_dtype=dtype, **words))


def _from_file(located: Located, part: str, dtype: torch.dtype) -> nn.Module:
    if part == "text_encoder":
        return _text_encoder(located).to(dtype)
    opened = CLASSES[part].from_single_file(
        str(located.path), config=str(located.configs), subfolder=part, torch_dtype=dtype, local_files_only=True
    )
    return cast("nn.Module", opened)


def _text_encoder(located: Located) -> nn.Module:
    """CLIP's text model out of an original checkpoint; transformers names its layers without ``text_model.``."""
    encoder = CLIPTextModel(CLIPTextConfig.from_json_file(str(located.configs / "text_encoder" / "config.json")))
    with safe_open(str(located.path), framework="pt") as file:
        names = [name for name in file.keys() if name.startswith(PREFIX)]  # noqa: SIM118 - no mapping, it has only keys()
        held = {name.removeprefix(PREFIX).removeprefix("text_model."): file.get_tensor(name) for name in names}
    held.pop("embeddings.position_ids", None)
    encoder.load_state_dict(held)
    return cast("nn.Module", encoder)


def _quiet() -> None:
    """No progress bars beside ours; errors still speak."""
    diffusers_logging.disable_progress_bar()
    transformers_logging.disable_progress_bar()
    diffusers_logging.set_verbosity_error()
    transformers_logging.set_verbosity_error()
