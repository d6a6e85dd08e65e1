"""Tag patterns: shell wildcards over whole tags, without regard to case, ``_`` as a space."""

from __future__ import annotations

import re
from fnmatch import translate
from functools import lru_cache
from typing import TYPE_CHECKING

from lorabuild.captions.tags import spelling_key

if TYPE_CHECKING:
    from collections.abc import Callable


@lru_cache(maxsize=1024)
def matcher(patterns: tuple[str, ...]) -> Callable[[str], bool]:
    """A question for the key of a tag: does one of the patterns match it? ``*``, ``?`` and ``[abc]`` as in a shell."""
    if not patterns:
        return lambda _key: False
    found = re.compile("|".join(translate(spelling_key(pattern)) for pattern in patterns)).match
    return lru_cache(maxsize=1 << 16)(lambda key: found(key) is not None)


@lru_cache(maxsize=1024)
def named_words(pattern: str) -> frozenset[str]:
    """The words that a pattern spells out: ``*_boots`` names ``boots``, ``black_*`` names only ``black``."""
    plain = re.sub(r"\[[^\]]*\]", "*", spelling_key(pattern))
    return frozenset(word for word in plain.split("_") if word and not set(word) & set("*?"))
