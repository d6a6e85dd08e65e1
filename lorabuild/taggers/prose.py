"""Sentences from a captioner that transformers knows: BLIP-2, Florence-2, LLaVA and JoyCaption, Qwen-VL."""

from __future__ import annotations

import re
from contextlib import suppress
from itertools import dropwhile
from typing import TYPE_CHECKING, Any

from lorabuild.core.errors import ProjectError, StageError
from lorabuild.core.sentences import whole
from lorabuild.taggers import location
from lorabuild.taggers.tagger import Score, Untagged

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from PIL import Image

    from lorabuild.schema.site import Site
    from lorabuild.schema.taggers import Prose

READS = "pixels"
FILES = ("*.json", "*.jinja", "*.txt", "*.model", "*.safetensors")  # no pickles, no code
WORDS = ("prompt", "system", "beams", "min_tokens", "max_tokens", "max_pixels")
_PACKAGES = ("torch", "transformers", "tokenizers", "torchvision", "numpy", "pillow")


def digests(settings: Prose, site: Site) -> dict[str, Path]:
    """Everything that the model is made of; all on this machine."""
    return {path.name: path for path in location.snapshot(settings.model, FILES, site)}


def fetch(settings: Prose, site: Site) -> None:
    """Download what isn't here yet. Raises ProjectError when that fails."""
    try:
        location.snapshot(settings.model, FILES, site)
    except ProjectError:
        location.fetch(settings.model, location.published(settings.model, FILES, site), site)


def costs(settings: Prose, site: Site) -> list[tuple[str, int, bool]]:
    """Name, bytes, and whether it is here, of each of its files on the hub. Goes online; raises ProjectError."""
    return location.costs(settings.model, location.published(settings.model, FILES, site), site)


def key_settings(settings: Prose) -> dict[str, Any]:
    """All that is asked: another question has another answer."""
    return {f"captions.tagger.{word}": getattr(settings, word) for word in WORDS}


def load(settings: Prose, site: Site, threads: int) -> Captioner:
    """Open the model. Raises ProjectError when it is missing, damaged, none of this kind, or a package is."""
    folder = str(location.snapshot(settings.model, FILES, site)[0].parent)
    with location.needed("torch"):
        import torch
    with location.needed("transformers"):
        import transformers
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    torch.set_num_threads(threads)
    device = site.project.device.type
    on_gpu = device in {"auto", "cuda"} and torch.cuda.is_available()
    dtype = torch.bfloat16 if on_gpu else torch.float32
    known = {"local_files_only": True, "trust_remote_code": False}
    try:
        processor = _processor(folder, known)
        _bounded(processor.image_processor, settings.max_pixels)
        question = asked(processor, settings.prompt, settings.system)  # before the weights, which take long
        model = transformers.AutoModelForImageTextToText.from_pretrained(
            folder, use_safetensors=True, dtype=dtype, **known
        )
    except ProjectError:
        raise
    except Exception as error:  # whatever a model's own code raises
        lacks = isinstance(error, ImportError) or "install" in str(error)  # transformers isn't of one mind
        raise ProjectError(
            f"the captioner can't be opened: {_first_line(error)}",
            where=folder,
            next_step="pip install the package that is named, in the version that matches your torch"
            if lacks
            else "give an image-text-to-text model that transformers knows without code of its own",
        ) from error
    return Captioner(model.eval().to("cuda" if on_gpu else "cpu"), processor, question, settings, threads)


def _processor(folder: str, known: Mapping[str, Any]) -> Any:
    """What makes a model's input. A part for videos that can't be had, for want of torchvision, is left out."""
    import transformers

    try:
        return transformers.AutoProcessor.from_pretrained(folder, **known)
    except (ImportError, ValueError):
        kind = transformers.PROCESSOR_MAPPING.get(type(transformers.AutoConfig.from_pretrained(folder, **known)), None)
        if kind is None or "video_processor" not in kind.get_attributes():
            raise

    class ForPictures(kind):  # type: ignore[misc, valid-type]
        """It may lack a part."""

        def check_argument_for_proper_class(self, name: str, part: Any) -> Any:
            return None if part is None else super().check_argument_for_proper_class(name, part)

    auto = {name: f"Auto{name.title().replace('_', '')}" for name in kind.get_attributes() if "video" not in name}
    parts = {name: getattr(transformers, one).from_pretrained(folder, **known) for name, one in auto.items()}
    made = [parts.get(name) for name in kind.get_attributes()]
    return ForPictures.from_args_and_dict(made, kind.get_processor_dict(folder, **known)[0])


def _bounded(images: Any, most: int) -> None:
    """Where a model takes pictures of any size (Qwen-VL), show it no more pixels than that."""
    if "max_pixels" in getattr(getattr(images, "valid_kwargs", None), "__annotations__", {}):
        images.size = {side: min(pixels, most) for side, pixels in dict(images.size).items()}


class Captioner:
    """A loaded model. Pictures go one by one, the search draws nothing: neither neighbours nor chance change a word."""

    batch = 1

    def __init__(self, model: Any, processor: Any, question: str, settings: Prose, threads: int) -> None:
        self._model, self._processor, self._asked = model, processor, question
        self._settings, self._threads = settings, threads

    @property
    def record(self) -> Mapping[str, Any]:
        """Device, numbers, threads and versions."""
        from lorabuild.core.record import make_record

        dtype = str(self._model.dtype).removeprefix("torch.")
        return make_record(self._model.device.type, dtype, self._threads, _PACKAGES)

    def tag(self, images: Sequence[Image.Image]) -> list[list[Score] | Untagged]:
        """One sentence, or what the model writes in its place, of each RGB picture."""
        return [[Score(text, 1.0, "prose")] if (text := self._written(image)) else [] for image in images]

    def _written(self, image: Image.Image) -> str:
        """Raises StageError when the model can't take the picture and the prompt."""
        import torch

        try:
            with torch.inference_mode():
                shown = self._shown(image)
                found = self._model.generate(**shown, **_search(self._settings))[0]
        except Exception as error:  # whatever a model's own code raises
            raise StageError(
                f"the captioner fails: {_first_line(error)}",
                where="lora.yaml captions.tagger.prompt",
                next_step="write the prompt as the model's card shows it, with its image token or task word",
            ) from error
        given = shown.get("input_ids")
        if given is not None and found[: given.shape[1]].equal(given[0]):
            found = found[given.shape[1] :]
        text = " ".join(self._processor.decode(found, skip_special_tokens=True).split())
        text = text if self._asked != self._settings.prompt else _answer(text, self._settings.prompt)
        return whole(text) if self._is_cut(found.tolist()) else text

    def _is_cut(self, found: list[int]) -> bool:
        """Whether an answer is as long as it may be, and the model has not ended it."""
        said = self._model.generation_config
        ends = () if said.forced_eos_token_id else said.eos_token_id  # an end that is forced at the limit is none
        beside = getattr(getattr(self._processor, "tokenizer", None), "added_tokens_decoder", ())  # BLIP-2's first ones
        made = found[1:] if self._model.config.is_encoder_decoder else [*dropwhile(beside.__contains__, found)]
        ended = found[-1] in (ends if isinstance(ends, list | tuple) else (ends,))
        return len(made) >= self._settings.max_tokens and not ended

    def _shown(self, image: Image.Image) -> Any:
        """What the processor makes of picture and question, on the model's device."""
        words: dict[str, Any] = {"text": self._asked} if self._asked else {}
        begin = getattr(getattr(self._processor, "tokenizer", None), "bos_token", None)
        if begin and self._asked.startswith(begin):  # a chat's template says it already
            words["add_special_tokens"] = False
        made = self._processor(images=image, return_tensors="pt", **words)
        return made.to(self._model.device, self._model.dtype)


def asked(processor: Any, prompt: str, system: str) -> str:
    """The question as the model reads it: through its chat's template, or as it is. Raises ProjectError without one."""
    if not getattr(processor, "chat_template", None):
        return prompt
    if not prompt:
        raise ProjectError(
            "this captioner is asked in words, and nothing is asked",
            where="lora.yaml captions.tagger.prompt",
            next_step='write `prompt: "Describe this image in one sentence."`',
        )
    text = ""
    with suppress(Exception):  # a template for plain text can't read a list
        text = _chat(processor, [{"type": "image"}, {"type": "text", "text": prompt}], system)
    try:
        return text if text and "{'type'" not in text else _chat(processor, prompt, system)
    except Exception as error:  # whatever a model's own template raises
        raise ProjectError(
            f"the captioner's own template can't take the question: {_first_line(error)}",
            where="lora.yaml captions.tagger",
            next_step="leave `system` out, or ask as the model's card shows",
        ) from error


def _chat(processor: Any, question: Any, system: str) -> str:
    told = [{"type": "text", "text": system}] if isinstance(question, list) else system
    turns = [{"role": "system", "content": told}] if system else []
    turns.append({"role": "user", "content": question})
    return str(processor.apply_chat_template(turns, add_generation_prompt=True, tokenize=False))


def _answer(text: str, begun: str) -> str:
    """What a model wrote behind the beginning that it was given, where it says that again."""
    return re.sub(rf"^{re.escape(begun)}(?!(?<=\w)\w)\s*", "", text, flags=re.IGNORECASE)


def _search(settings: Prose) -> dict[str, Any]:
    """How the answer is looked for; what a model's own settings say of sampling is taken back."""
    return {
        "do_sample": False,
        "temperature": None,
        "top_p": None,
        "top_k": None,
        "num_beams": settings.beams,
        "min_new_tokens": settings.min_tokens,
        "max_new_tokens": settings.max_tokens,
    }


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
