"""Words of lora.yaml: the nearest known word for a typo, and the module (the hand) that does what a word says."""

from __future__ import annotations

import importlib
import pkgutil
import re
from functools import cache
from typing import TYPE_CHECKING

from lorabuild.core.errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that a person most likely meant, or None when nothing is near."""
    from difflib import get_close_matches

    spelled = {name.lower(): name for name in sorted(known, reverse=True)}
    found = get_close_matches(word.lower(), list(spelled), n=1, cutoff=0.6)
    return spelled[found[0]] if found else None


def names(text: str, word: str) -> bool:
    """Whether a text names something: as a whole word (not ``a`` in ``images``); always where the word is empty."""
    return not word or re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None


def hand(room: str, word: str) -> ModuleType:
    """The module ``lorabuild.<room>.<word>``, imported now. Raises ProjectError for a word without a hand."""
    name = f"lorabuild.{room}.{word}"
    known = hands(room)
    if word not in known:
        near = nearest(word, known)
        raise ProjectError(
            f"lorabuild has no {word!r} among its {room}",
            next_step=f"write {near!r}" if near else f"choose one of: {', '.join(known)}",
        )
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ProjectError(
            f"{word!r} needs the Python package {error.name!r}, which is not installed here",
            next_step=f"pip install {(error.name or '').partition('.')[0]}",
        ) from error


def hands(room: str) -> tuple[str, ...]:
    """The words that a room has a module for, sorted."""
    return _modules(*importlib.import_module(f"lorabuild.{room}").__path__)


@cache
def _modules(*folders: str) -> tuple[str, ...]:
    """The names of the modules in these folders; read once, for every layer of a model asks for its network."""
    return tuple(sorted(found.name for found in pkgutil.iter_modules(folders)))
