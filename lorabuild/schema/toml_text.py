"""Words as TOML."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def value(given: Any) -> str:
    """A value: text, number, truth value, or a list of them."""
    if isinstance(given, (list, tuple)):
        return "[" + ", ".join(map(value, given)) + "]"
    if isinstance(given, str):
        return json.dumps(given, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(given)


def lines(words: Mapping[str, Any]) -> list[str]:
    """A line a word, in order; nothing for what is None."""
    return [f"{name} = {value(given)}" for name, given in words.items() if given is not None]
