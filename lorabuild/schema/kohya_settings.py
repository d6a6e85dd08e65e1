"""Settings of the standard trainer as sections of lora.yaml, and what became of every word."""

from __future__ import annotations

import math
import re
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, NamedTuple

from lorabuild.core.errors import ProjectError
from lorabuild.schema import prompt_lines
from lorabuild.schema.check_disk import HUB_ID, PICKLES
from lorabuild.schema.families import FACTS
from lorabuild.schema.kohya_files import literal
from lorabuild.schema.kohya_training import length, trained
from lorabuild.schema.kohya_words import (
    ANYWAY,
    DEFAULTS,
    DIRECT,
    NEEDS,
    NOTHING,
    OTHER_MODELS,
    SAMPLERS,
    SPECIAL,
    ZERO_IS_OFF,
)
from lorabuild.schema.moving import DEFAULT, MAPPED, Moving, fitting
from lorabuild.schema.moving import NOTHING as LEFT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lorabuild.schema.kohya_files import Settings

_ELSEWHERE = re.compile(r"flux|sd3|lumina|hunyuan|anima|chroma", re.IGNORECASE)
_WIDE = re.compile(r"xl|pony|illustrious|noob|animagine", re.IGNORECASE)
_HERE = ("is_reg", "num_repeats", "class_tokens", "caption_extension", "conditioning_data_dir", "name", "alpha_mask")
NAME = re.compile(r"[^A-Za-z0-9._-]+")


class Around(NamedTuple):
    """What the settings need to know of the disk.

    Attributes:
        looks: image steps of an epoch, with those of regularization images.
        regularized: whether there are regularization images.
        find: the path of a file or folder as lora.yaml names it; None where it is not here.
        lines: the lines of a text file; none where it is not here.
        family: what a person says; empty where it is to be guessed.
    """

    looks: int
    regularized: bool
    find: Callable[[str], str | None]
    lines: Callable[[str], list[str]]
    family: str = ""


def moved(settings: Settings, around: Around) -> Moving:
    """All that a file says, in sections of lora.yaml.

    Raises ``ProjectError`` for a kind of model that isn't ours, and for a value that is no number where one must be.
    """
    try:
        return _moved(settings, around)
    except (ValueError, TypeError, OverflowError) as error:
        what = f"a value in the settings can't be understood: {error}"
        raise ProjectError(what, next_step="correct it there, or take its word away") from error


def _moved(settings: Settings, around: Around) -> Moving:
    file = settings.kind != "dataset"
    said = {**settings.words, **_shared(settings)}
    moving = Moving({**(DEFAULTS if file else {}), **said}, frozenset(said), settings.names)
    _differing(settings, moving)
    _base(moving, around)
    _pictures(moving, file=file)
    _more(settings, moving)
    if file:
        trained(moving)
        length(moving, around.looks)
        _files(moving)
    _samples(moving, around)
    _direct(moving, around)
    for key in filter(OTHER_MODELS.match, {*moving.words} - moving.done):
        moving.tell(DEFAULT, "it belongs to another kind of model or training", key)
    moving.rest(ANYWAY, NOTHING, {*DIRECT, *SPECIAL, *ANYWAY, *NOTHING})
    return moving


def _training(settings: Settings, *, again: bool = False) -> list[dict[str, Any]]:
    """The words of every folder of training images, without those that are its own; ``again``: in every dataset."""
    training = [one for one in settings.subsets if not one.words.get("is_reg")]
    folders = [words for one in training for words in (one.words, *(one.again if again else ()))]
    return [{name: value for name, value in words.items() if name not in _HERE} for words in folders]


def _shared(settings: Settings) -> dict[str, Any]:
    """What holds for the folders of images: of several values the commonest, of these the first."""
    folders = _training(settings)
    found = {}
    for name in dict.fromkeys(name for words in folders for name in words):
        values = [words.get(name) for words in folders]
        found[name] = max(values, key=values.count)
    if any(one.words.get("alpha_mask") for one in settings.subsets):
        found["alpha_mask"] = True
    return {name: value for name, value in found.items() if value is not None}


def _differing(settings: Settings, moving: Moving) -> None:
    folders = _training(settings, again=True)
    for name in dict.fromkeys(name for words in folders for name in words):
        values = list(dict.fromkeys(str(words.get(name, "nothing")) for words in folders))
        if len(values) > 1 and name != "resolution":
            moving.tell(LEFT, f"{' and '.join(values)} in several folders: one value holds for all here", name)


def _base(moving: Moving, around: Around) -> None:
    model, module = str(moving.get("pretrained_model_name_or_path", "")), str(moving.words.get("network_module", ""))
    boxes = [key for key, value in moving.words.items() if key.endswith("_checkbox") and value]
    if strange := next((text for text in (module, *boxes) if _ELSEWHERE.search(text)), None):
        known = ", ".join(FACTS)
        raise ProjectError(
            f"`{strange}` is for a kind of model that isn't trained here", next_step=f"there are {known}"
        )
    for key in [key for key in moving.words if key.endswith("_checkbox")]:
        moving.tell(DEFAULT, "off there, too", key)
    family = around.family or _family(moving, model)
    moving.sections["base"] = {"model": FACTS[family].usual, "family": family}
    found = around.find(model) if model else None
    if found and not found.lower().endswith(PICKLES):
        moving.put("base.model", found, "pretrained_model_name_or_path")
    elif HUB_ID.fullmatch(model) and not model.lower().endswith((*PICKLES, ".safetensors")):
        moving.put("base.model", model, "pretrained_model_name_or_path")
    elif model:
        why = "it is a pickle, which isn't opened" if found else "it is not here"
        what = f"{why}; base.model is {FACTS[family].usual} until you write another"
        moving.tell(LEFT, what, "pretrained_model_name_or_path")
    if vae := str(moving.get("vae", "")):
        place = around.find(vae) or (vae if HUB_ID.fullmatch(vae) else None)
        moving.put("base.vae", place, "vae") if place else moving.tell(LEFT, "it is not here", "vae")
    if moving.get("v_parameterization"):
        moving.put("base.prediction", "v_prediction", "v_parameterization")
    else:
        moving.tell(DEFAULT, "what the model says holds", "v_parameterization")


def _family(moving: Moving, model: str) -> str:
    """By its switch; else by the name of the model and the size of the images."""
    switches = {facts.switch: name for name, facts in FACTS.items() if facts.switch}
    chosen = next((name for switch, name in switches.items() if moving.get(switch)), None)
    for switch, name in switches.items():
        moving.tell(MAPPED if name == chosen else DEFAULT, f"base.family: {chosen or next(iter(FACTS))}", switch)
    wide = next(name for name, facts in FACTS.items() if facts.layer)
    named = "/".join(PurePath(model).parts[-2:])
    guess = wide if _WIDE.search(named) or max(sides(moving.words.get("resolution"))) >= 1024 else next(iter(FACTS))
    return chosen or guess


def sides(value: Any) -> tuple[int, int]:
    """Width and height: of ``512``, ``"512,768"`` or ``[512, 768]``; 0 where nothing is said."""
    parts = value if isinstance(value, (list, tuple)) else str(value or 0).split(",")
    found = [int(float(part)) for part in parts] or [0]
    return found[0], found[-1]


def square(words: Mapping[str, Any]) -> int:
    """The side of a square of the training area, a multiple of the buckets' step; 0 where nothing is said."""
    width, height = sides(literal(words.get("resolution")))
    step = int(float_of(words.get("bucket_reso_steps") or 1))
    return max(step, round(math.isqrt(width * height) / step) * step) if width else 0


def _more(settings: Settings, moving: Moving) -> None:
    """Further resolutions: those that most folders have beside the first one."""
    found = [tuple(map(square, one.again)) for one in settings.subsets if not one.words.get("is_reg")]
    if found and (common := max(found, key=found.count)):
        moving.put("images.more_resolutions", list(common), "resolution")


def _pictures(moving: Moving, *, file: bool) -> None:
    width, height = sides(moving.get("resolution"))
    side = square(moving.words)
    if side:
        moving.put("images.resolution", side, "resolution")
        if width != side or height != side:
            what = f"buckets have the area of {side} × {side}, which is a multiple of their step; no shape is preferred"
            moving.tell(LEFT, what, "resolution")
    bucketed = moving.get("enable_bucket", not file)
    if bucketed:
        moving.tell(DEFAULT, "images are always sorted into buckets", "enable_bucket")
    elif side and "enable_bucket" in {*moving.given, "enable_bucket" if file else ""}:
        moving.put("images.buckets", {"min": side, "max": side}, "enable_bucket")
        for key in ("min_bucket_reso", "max_bucket_reso", "bucket_reso_steps"):
            moving.words.pop(key, None)
    if moving.get("color_aug") or moving.get("random_crop"):
        moving.put("images.cache", False, "cache_latents")
    moving.tell(DEFAULT, "latents are cached, and proved by their content", "cache_latents")
    if moving.get("alpha_mask"):
        moving.put("images.masks", "alpha", "alpha_mask")
    else:
        moving.tell(DEFAULT, "off there, too", "alpha_mask")


def _files(moving: Moving) -> None:
    """What the files are called, and how they are saved."""
    if name := NAME.sub("-", str(moving.get("output_name", ""))).strip("-._")[:100]:
        moving.put("name", name, "output_name")
    if comment := str(moving.get("training_comment", "")):
        moving.put("output.description", comment, "training_comment")
    for key, usual in (("save_precision", ("fp16", "float")), ("save_model_as", ("safetensors",))):
        kept = str(moving.get(key, usual[0])) in usual[:1]
        moving.tell(DEFAULT if kept else LEFT, f"files are {usual[0]}" + ("" if kept else ", always"), key)
    if moving.get("gradient_checkpointing"):
        moving.put("training.gradient_checkpointing", "always", "gradient_checkpointing")
    else:
        moving.tell(DEFAULT, "it follows from the memory that is free", "gradient_checkpointing")
    if moving.get("log_with") in ("tensorboard", "all"):
        moving.put("training.log", {"tensorboard": True}, "log_with")
    else:
        moving.tell(DEFAULT, "a build keeps its own log", "log_with")
    for key in ("dataset_config", "train_data_dir", "reg_data_dir", "caption_extension"):
        moving.tell(MAPPED, "the folders that were looked at", key)
    if moving.get("masked_loss") and not moving.words.get("alpha_mask"):
        moving.tell(
            LEFT, "put masks beside the images, `name.mask.png`, and write `images: {masks: side}`", "masked_loss"
        )
    moving.tell(DEFAULT, "`images.masks` says it", "masked_loss")


def _samples(moving: Moving, around: Around) -> None:
    """Prompts with their options, which are the same here; of a line with others only the prompt."""
    text = str(moving.get("sample_prompts", ""))
    file = text.lower().endswith((".txt", ".toml", ".json"))
    lines = around.lines(text) if text.lower().endswith(".txt") else [] if file else text.splitlines()
    lines = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if lines:
        moving.put("samples.prompts", [_prompt(moving, line) for line in lines], "sample_prompts")
    else:
        moving.tell(LEFT if text else DEFAULT, "it is not here: write `samples: {prompts: […]}`", "sample_prompts")
    sampler = str(moving.get("sample_sampler", "")).removeprefix("k_")
    if lines and (ours := SAMPLERS.get(sampler)):
        moving.put("samples.sampler", ours, "sample_sampler")
    moving.tell(DEFAULT, "pictures are drawn with the family's own sampler", "sample_sampler")


def _prompt(moving: Moving, line: str) -> str:
    try:
        prompt_lines.parse(line)
    except prompt_lines.LineError as error:
        moving.tell(LEFT, error.what, "sample_prompts")
        return re.split(r"\s--", line)[0].strip()
    return line


def _direct(moving: Moving, around: Around) -> None:
    if around.regularized:
        moving.words["reg_data_dir"] = moving.words.get("reg_data_dir") or "here"
    for key, dotted in DIRECT.items():
        if key not in moving.words:
            continue
        value, needed = moving.get(key), NEEDS.get(key, ())
        if value is None or (key in ZERO_IS_OFF and not float_of(value)):
            moving.tell(DEFAULT, "off there, too", key)
        elif needed and not any(moving.words.get(other) not in (None, "", 0, False) for other in needed):
            moving.tell(DEFAULT, f"does nothing without `{needed[0]}`", key)
        elif (key, value) == ("max_timestep", 1000):
            moving.tell(DEFAULT, "all timesteps are trained anyway", key)
        else:
            try:
                moving.put(dotted, fitting(dotted, value), key)
            except ValueError:
                moving.tell(LEFT, f"`{dotted}` takes no such value", key)


def float_of(value: Any) -> float:
    """A number; 1 for a text that is none."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return float(bool(value))
