"""Tag patterns: shell wildcards over whole tags, without regard to case, ``_`` as a space; ``@hair`` is a group."""

from __future__ import annotations

import re
from fnmatch import translate
from functools import lru_cache
from typing import TYPE_CHECKING

from lorabuild.captions.groups import group
from lorabuild.captions.tags import spelling_key
from lorabuild.schema.tag_groups import name_of

if TYPE_CHECKING:
    from collections.abc import Callable

_WILD = frozenset("*?[")


@lru_cache(maxsize=1024)
def matcher(patterns: tuple[str, ...]) -> Callable[[str], bool]:
    """A question for the key of a tag: does one of the patterns match it? ``*``, ``?`` and ``[abc]`` as in a shell.

    Raises ProjectError for a group that does not exist.
    """
    within = tuple(_of_group(name) for name in map(name_of, patterns) if name)
    keys = {spelling_key(pattern) for pattern in patterns if not name_of(pattern)}
    wild = sorted(key for key in keys if _WILD & set(key))
    found = re.compile("|".join(map(translate, wild))).match if wild else _never
    return lru_cache(maxsize=1 << 16)(
        lambda key: key in keys or found(key) is not None or any(takes(key) for takes in within)
    )


def _of_group(name: str) -> Callable[[str], bool]:
    takes, leaves = matcher(group(name).takes), matcher(group(name).leaves)
    return lambda key: takes(key) and not leaves(key)


def _never(_key: str) -> None:
    """What matches nothing."""


@lru_cache(maxsize=1024)
def named_words(pattern: str) -> frozenset[str]:
    """The words that a pattern spells out: ``*_boots`` and ``@boots`` name ``boots``, ``black_*`` names ``black``."""
    plain = re.sub(r"\[[^\]]*\]", "*", spelling_key(name_of(pattern) or pattern))
    return frozenset(word for word in plain.split("_") if word and not set(word) & set("*?"))
