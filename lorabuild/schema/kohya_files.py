"""Files with settings of the standard trainer: config TOML, dataset TOML, the web GUI's JSON, sectioned TOML.

All of them become one form: words of sd-scripts with their values, and the folders of images that they name.
"""

from __future__ import annotations

import ast
import json
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lorabuild.core.errors import ProjectError
from lorabuild.schema.kohya_gui import LEARNED, from_gui

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

PAIRS = ("network_args", "optimizer_args", "lr_scheduler_args")
_SIZES = ("resolution", "min_bucket_reso", "max_bucket_reso")
_SECTIONS = ("args", "dataset_args")
_MOST = 4_000_000  # bytes; a file with settings has a few thousand


@dataclass(frozen=True, slots=True)
class Subset:
    """A folder of images as a file names it, with the words that hold for it alone; ``again``: in further datasets."""

    folder: str
    words: Mapping[str, Any] = field(default_factory=dict)
    again: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    """What a file says.

    Attributes:
        kind: ``config``, ``dataset``, ``gui`` or ``sections``.
        words: word of sd-scripts → value; what is off or empty is left out. ``*_args`` are maps.
        subsets: folders of images, in order.
        names: word → what the file calls it, where that is something else.
    """

    kind: str
    words: dict[str, Any]
    subsets: tuple[Subset, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)


def read(file: Path) -> Settings:
    """What a file with settings says. Raises ``ProjectError``."""
    try:
        return _read(file)
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        hint = "correct it there, or take its word away"
        raise ProjectError(f"a value can't be understood: {error}", where=str(file), next_step=hint) from error


def _read(file: Path) -> Settings:
    data = _parsed(file)
    if "datasets" in data:
        return _dataset(data)
    if file.suffix.lower() == ".json" or LEARNED & data.keys():
        words, names = from_gui({name: value for name, value in data.items() if not isinstance(value, dict)})
        return Settings("gui", _with_pairs(words), names=names)
    subsets = tuple(_subset(one) for one in _tables(data.pop("subsets", [])))
    words = dict(_flat(data))
    names = {}
    if (ratio := words.pop("warmup_ratio", None)) is not None:
        words["lr_warmup_steps"], names = ratio, {"lr_warmup_steps": "warmup_ratio"}
    return Settings("sections" if subsets else "config", _renamed(_with_pairs(words)), subsets, names)


def _parsed(file: Path) -> dict[str, Any]:
    try:
        text = file.read_bytes()[:_MOST].decode("utf-8-sig")
        found = json.loads(text) if file.suffix.lower() == ".json" else tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise ProjectError("this file is not UTF-8 text", where=str(file), next_step="save it as UTF-8") from error
    except OSError as error:
        raise ProjectError(f"can't be read: {error.strerror}", where=str(file)) from error
    except (ValueError, RecursionError) as error:
        hint = "name a folder, a .toml or a .json with settings of the standard trainer"
        raise ProjectError(f"can't be understood: {error}", where=str(file), next_step=hint) from error
    if not isinstance(found, dict):
        raise ProjectError("there are no settings in this file", where=str(file), next_step="name another file")
    return found


def _dataset(data: Mapping[str, Any]) -> Settings:
    """Words of a nearer level win: general, then the dataset, then the subset."""
    general = dict(data.get("general") or {})
    levels = [(one, two) for one in _tables(data["datasets"]) for two in _tables(one.get("subsets"))]
    merged = (_renamed({**general, **one, **two}) for one, two in levels)
    return Settings("dataset", {}, tuple(_together([_subset(words) for words in merged])))


def _together(subsets: Sequence[Subset]) -> Iterator[Subset]:
    """A folder that several datasets name, each in another resolution and with the same words else, once."""
    found: dict[str, list[Subset]] = {}
    for place, one in enumerate(subsets):
        rest = {name: value for name, value in one.words.items() if name not in (*_SIZES, "batch_size")}
        name = json.dumps([one.folder, rest], sort_keys=True, default=str)
        known = [str(other.words.get("resolution")) for other in found.get(name, ())]
        found.setdefault(f"{name} {place}" if str(one.words.get("resolution")) in known else name, []).append(one)
    for first, *more in found.values():
        usual = more and all(_is_usual(one.words) for one in (first, *more))
        words = [
            {name: value for name, value in one.words.items() if not (usual and name in _SIZES[1:])}
            for one in (first, *more)
        ]
        yield Subset(first.folder, words[0], tuple(words[1:]))


def _is_usual(words: Mapping[str, Any]) -> bool:
    """Whether the sides of buckets are those that follow from the resolution."""
    side = words.get("resolution")
    limits = [words.get(name) for name in _SIZES[1:]]
    return isinstance(side, int) and limits in ([side // 2, side * 2], [None, None])


def _subset(words: Mapping[str, Any]) -> Subset:
    rest = {
        name: value for name, value in words.items() if name not in ("image_dir", "subsets") and value not in (None, "")
    }
    return Subset(str(words.get("image_dir") or ""), rest)


def _tables(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _flat(data: Mapping[str, Any], inside: bool = False) -> Iterator[tuple[str, Any]]:
    """Words without the sections that they stand in; maps of arguments stay maps."""
    for name, value in data.items():
        if not isinstance(value, dict) or (name in PAIRS and (inside or not any(part in value for part in _SECTIONS))):
            yield name, value
        else:
            yield from _flat(value, inside=name == "args")


def _renamed(words: dict[str, Any]) -> dict[str, Any]:
    """One name for what has two."""
    for older, name in {"train_batch_size": "batch_size", "caption_extention": "caption_extension"}.items():
        if older in words:
            words.setdefault(name, words.pop(older))
    return words


def _with_pairs(words: dict[str, Any]) -> dict[str, Any]:
    """``*_args`` as maps, whatever they were: lists or a line of ``a=b``, or maps; nothing that is empty."""
    for name in PAIRS:
        if name in words:
            words[name] = pairs(words[name])
    return {name: value for name, value in words.items() if value not in (None, "", [], {})}


def pairs(value: Any) -> dict[str, Any]:
    """``["betas=0.9,0.99", "decouple=True"]`` as a map; values are Python's literals, else text."""
    if isinstance(value, dict):
        return {str(name): literal(one) for name, one in value.items()}
    parts = value.split() if isinstance(value, str) else [str(part) for part in value or ()]
    split = (part.strip().strip("\"'").partition("=") for part in parts)
    return {name.strip(): literal(one) for name, _, one in split if name.strip()}


def literal(value: Any) -> Any:
    """The number, truth value or list that a text spells."""
    if not isinstance(value, str):
        return value
    text = value.strip().strip("\"'")
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return {"true": True, "false": False, "none": None}.get(text.lower(), text)
