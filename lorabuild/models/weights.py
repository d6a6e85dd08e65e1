"""Open parts of a model from safetensors: a diffusers folder, or an original file with our configs.

Nothing goes online and nothing is unpickled. Tensors are found by name in whichever spelling a file has: diffusers' and
transformers' of today or some years ago, or the original one. A thread reads them while diffusers and transformers,
which take about as long to import as gigabytes to read, are imported here: inside functions, for that reason.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import torch
from safetensors import SafetensorError, safe_open
from torch.overrides import TorchFunctionMode

from lorabuild.core.errors import ProjectError
from lorabuild.models import keymap
from lorabuild.models.keymap import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from torch import Tensor, nn

    from lorabuild.models.source import Located

OLD = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}  # of an autoencoder, before 2023


class Part(NamedTuple):
    """A part of a model: how it is made from its config, and its prefix and its spelling in an original file."""

    made: Callable[[Mapping[str, Any]], nn.Module]
    prefix: str
    spelled: Callable[[Iterable[str]], dict[str, Place]]


def _unet(config: Mapping[str, Any]) -> nn.Module:
    from diffusers import UNet2DConditionModel

    return cast("nn.Module", UNet2DConditionModel.from_config(config))


def _vae(config: Mapping[str, Any]) -> nn.Module:
    from diffusers import AutoencoderKL

    return cast("nn.Module", AutoencoderKL.from_config(config))


def _clip(config: Mapping[str, Any]) -> nn.Module:
    from transformers import CLIPTextConfig, CLIPTextModel

    return cast("nn.Module", CLIPTextModel(CLIPTextConfig.from_dict({**config, "attention_dropout": 0.0})))


def _projecting_clip(config: Mapping[str, Any]) -> nn.Module:
    from transformers import CLIPTextConfig, CLIPTextModelWithProjection

    settings = CLIPTextConfig.from_dict({**config, "attention_dropout": 0.0})
    return cast("nn.Module", CLIPTextModelWithProjection(settings))


UNET = Part(_unet, "model.diffusion_model.", keymap.unet)
VAE = Part(_vae, "first_stage_model.", keymap.vae)


def clip(prefix: str) -> Part:
    """CLIP's text model."""
    return Part(_clip, prefix, keymap.clip)


def open_clip(prefix: str, *, projects: bool) -> Part:
    """OpenCLIP's text model, with its projection or without."""
    return Part(_projecting_clip if projects else _clip, prefix, keymap.open_clip)


def open_parts(located: Located, wanted: Mapping[str, tuple[Part, torch.dtype]]) -> dict[str, nn.Module]:
    """Name → part, on the CPU: frozen, no dropout. Raises ``ProjectError`` when the files of one don't fit."""
    bench = ThreadPoolExecutor(1, thread_name_prefix="weights")
    try:
        read = {
            name: bench.submit(_read, located.files[name][1:], part.prefix, dtype)
            for name, (part, dtype) in wanted.items()
        }
        return {name: _opened(located, name, part, read.pop(name).result) for name, (part, _) in wanted.items()}
    finally:
        bench.shutdown(cancel_futures=True)


def _opened(located: Located, name: str, part: Part, read: Callable[[], dict[str, Tensor]]) -> nn.Module:
    _quiet()
    try:
        module = empty(part, json.loads(located.files[name][0].read_text("utf-8")))
        module.load_state_dict(_fitted(read(), list(module.state_dict()), part), assign=True)
    except (OSError, ValueError, TypeError, RuntimeError, KeyError, SafetensorError) as error:
        raise _unusable(f"the {name} of {located.path}", error) from error
    for dropout in (inner for inner in module.modules() if isinstance(inner, torch.nn.Dropout)):
        dropout.p = 0.0
    return module.requires_grad_(requires_grad=False).eval()


class _Undrawn(TorchFunctionMode):
    """Nothing sets the first numbers of a module, for others follow: that halves the time it takes to make one."""

    def __torch_function__(
        self, function: Callable[..., Any], _types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        words = kwargs or {}
        sets_numbers = getattr(function, "__module__", "") == "torch.nn.init" and "tensor" in words
        return words["tensor"] if sets_numbers else function(*args, **words)


def empty(part: Part, config: Mapping[str, Any]) -> nn.Module:
    """A part without its numbers: no memory, no time, no random draw. What no file holds is there: positions."""
    with torch.device("meta"), _Undrawn():
        module = part.made(config)
    for inner in module.modules():
        for name, held in inner.named_buffers(recurse=False):
            assert name == "position_ids", f"{name} is in no file"
            inner.register_buffer(name, torch.arange(held.shape[-1]).expand(held.shape), persistent=False)
    return module


def _read(paths: Iterable[Path], prefix: str, dtype: torch.dtype) -> dict[str, Tensor]:
    """The tensors of files by name: of a whole checkpoint those of the part, of any other file all.

    In memory of their own: where a file holds them must not reach the bits of a product.
    """
    found: dict[str, Tensor] = {}
    for path in paths:
        if path.suffix == ".safetensors":
            with safe_open(str(path), framework="pt") as file:
                names = list(file.keys())
                inside = [name for name in names if name.startswith(prefix)] or names
                found |= {name: file.get_tensor(name).to(dtype, copy=True) for name in inside}
    return found


def _fitted(held: Mapping[str, Tensor], names: Sequence[str], part: Part) -> dict[str, Tensor]:
    """Every tensor that a module asks for by name, in whichever spelling it is held."""
    places = min(_spellings(names, part), key=lambda places: len(_missing(places, held)))
    if missing := _missing(places, held):
        raise ValueError(f"it lacks {missing[0]}" + (f" and {len(missing) - 1} more" if missing[1:] else ""))
    return {name: _taken(place, held[place.name]) for name, place in places.items()}


def _taken(place: Place, tensor: Tensor) -> Tensor:
    """As it is, or what is wanted of it, again in memory of its own."""
    if place.form == "same":
        return tensor
    return keymap.taken(place, tensor).clone(memory_format=torch.contiguous_format)


def _missing(places: Mapping[str, Place], held: Mapping[str, Any]) -> list[str]:
    return [place.name for place in places.values() if place.name not in held]


def _spellings(names: Sequence[str], part: Part) -> Iterator[dict[str, Place]]:
    """The ways in which a file may spell the names."""
    yield {name: Place(name) for name in names}
    yield {name: Place(f"text_model.{name}") for name in names}  # transformers before 5.6
    yield {name: Place(_old(name)) for name in names}
    for prefix in (part.prefix, ""):
        original = part.spelled(names)
        yield {name: place._replace(name=prefix + place.name) for name, place in original.items()}
        yield {
            name: place._replace(name=prefix + place.name.removeprefix("text_model."))
            for name, place in original.items()
        }


def _old(name: str) -> str:
    for now, then in OLD.items():
        name = name.replace(f".{now}.", f".{then}.")
    return name


def open_tokenizer(located: Located, part: str) -> Any:
    """CLIP's tokenizer. Raises ``ProjectError`` when its files are damaged or hold no vocabulary."""
    from transformers import CLIPTokenizer

    _quiet()
    folder, pad = located.files[part][0].parent, located.pads.get(part)
    words = {"pad_token": pad} if pad else {}
    try:
        tokenizer = CLIPTokenizer.from_pretrained(str(folder), local_files_only=True, **words)
    except Exception as error:  # the tokenizers library raises nothing more special
        raise _unusable(f"the tokenizer in {folder}", error) from error
    if len(tokenizer) <= len(tokenizer.all_special_tokens):
        raise ProjectError(f"the tokenizer in {folder} has an empty vocabulary", where="base.model")
    return tokenizer


def scheduler_config(located: Located) -> dict[str, Any]:
    """The sampler's class and noise schedule, with what lora.yaml says of them."""
    config = cast("dict[str, Any]", json.loads(located.files["scheduler"][0].read_text("utf-8")))
    config["prediction_type"] = located.prediction_type
    if located.zero_terminal_snr:
        config |= {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
    else:
        config.pop("rescale_betas_zero_snr", None)
    return config


def _unusable(what: str, error: Exception) -> ProjectError:
    reason = " ".join(str(error).split())
    next_step = "the file may be cut off or damaged: get the model again"
    return ProjectError(f"{what} can't be loaded: {reason}", where="base.model", next_step=next_step)


def _quiet() -> None:
    """No progress bars beside ours; errors still speak."""
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    diffusers_logging.disable_progress_bar()
    transformers_logging.disable_progress_bar()
    diffusers_logging.set_verbosity_error()
    transformers_logging.set_verbosity_error()
