"""Where sentences end, and a text that was broken off in one."""

from __future__ import annotations

import re

END = r"""(?<!\b[A-Z])(?<!\b[A-Z][a-z])[.!?…]+["'”’»)\]]*(?=\s|$)|[\u3002\uff01\uff1f]+[」』\uff09]*"""
"""A pattern; not behind an initial or ``Mr.``."""
LOOSE = " ,;:-–—([{/&"
"""Left hanging where the words behind them are gone."""


def whole(text: str) -> str:
    """A text that was broken off, up to its last whole sentence; where it has none, up to its last but one word."""
    ends = [found.end() for found in re.finditer(END, text)]
    return text[: ends[-1]] if ends else text.rpartition(" ")[0].rstrip(LOOSE) or text
