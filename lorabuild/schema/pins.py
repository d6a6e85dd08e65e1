"""The revisions that ``lora.lock`` pins hub models to: a build takes these until ``lorabuild update`` moves them."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from lorabuild.schema.site import Site

LOCK = "lora.lock"
_COMMIT = re.compile(r"[0-9a-f]{40}")


def pin(site: Site, what: str, source: str) -> str | None:
    """The commit that the lock pins a hub id to; None where it has none, or one of another id.

    Args:
        site: the project.
        what: which of its models: ``base``, ``vae`` or ``tagger`` (``tagger.0``, … of several).
        source: the id as lora.yaml names it, with its ``@revision`` where it has one.
    """
    path = site.root / LOCK
    try:
        stat = path.stat()
    except OSError:
        return None
    return _pins(path, stat.st_mtime_ns, stat.st_size).get((what.partition(".")[0], source))


@lru_cache(maxsize=8)
def _pins(path: Path, _changed: int, _size: int) -> dict[tuple[str, str], str]:
    """(model, source) → commit. A lock that can't be read pins nothing: whoever needs more of it says what is wrong."""
    try:
        content: Any = json.loads(path.read_bytes())
        sections = [content["models"], *(entry.get("models", {}) for entry in content.get("variants", {}).values())]
        rows = [
            (what.partition(".")[0], held["source"], held["revision"])
            for models in sections
            for what, held in models.items()
        ]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}
    return {(what, source): commit for what, source, commit in rows if _COMMIT.fullmatch(str(commit))}
