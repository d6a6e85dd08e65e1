"""``update``: what lora.lock pins moves to the newest commit of its branch; the next build takes it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lorabuild.core.claim import claim
from lorabuild.core.errors import ProjectError
from lorabuild.core.files import write_atomic
from lorabuild.core.words import nearest
from lorabuild.graph import lock as locks
from lorabuild.graph.hub import on_hub
from lorabuild.graph.session import STORE
from lorabuild.models import hub

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from lorabuild.schema.loaded import Loaded

    Known = dict[tuple[str, str], hub.HubName]

FIXED = re.compile(r"[0-9a-f]{40}")


def update(loaded: Loaded, names: Sequence[str], say: Callable[[str], None], *, dry_run: bool) -> list[dict[str, Any]]:
    """Move pins, online.

    Args:
        loaded: the project.
        names: which models: ``base``, ``vae``, ``tagger``, or their hub ids; none means all.
        say: is told when a build has to be waited for.
        dry_run: only look.

    Returns:
        ``[{"model", "source", "branch", "then", "now", "moved"}]``: commits, ``then`` None where nothing was pinned;
        ``branch`` None where lora.yaml itself names a commit, which then stays.

    Raises:
        ProjectError: a name is none of the project's hub models, there is no such model, or the lock can't be read.
        LorabuildError: the hub can't be reached.
    """
    chosen = _chosen(on_hub(loaded), names)
    rows = [_row(variant, what, name) for (variant, what), name in chosen.items()]
    if not dry_run and any(row["moved"] for row in rows):
        with claim(loaded.site.root / STORE, wait=True, say=say):
            _write(loaded.site.root, rows)
    return rows


def _chosen(known: Known, names: Sequence[str]) -> Known:
    """The models that are asked for. Raises ``ProjectError``."""
    words: dict[str, set[tuple[str, str]]] = {}
    for place, model in known.items():
        for word in {str(model), model.repo, place[1]}:
            words.setdefault(word, set()).add(place)
    for name in names:
        if name not in words:
            near = nearest(name, words)
            raise ProjectError(
                f"this project takes no `{name}` from the hub",
                where="command line",
                next_step=f"did you mean `{near}`?" if near else f"it takes: {', '.join(words) or 'nothing'}",
            )
    asked = {place for name in names for place in words[name]} or {*known}
    return {place: model for place, model in known.items() if place in asked}


def _row(variant: str, what: str, name: hub.HubName) -> dict[str, Any]:
    fixed = bool(FIXED.fullmatch(name.revision))
    now = name.revision if fixed else hub.newest(name)
    moved = name.pin is not None and now != name.pin
    branch = None if fixed else name.revision
    row = {"model": what, "source": str(name), "branch": branch, "then": name.pin, "now": now, "moved": moved}
    return row | ({"variant": variant} if variant else {})


def _write(root: Path, rows: Sequence[dict[str, Any]]) -> None:
    """The lock with other pins: it then tells what the next build is to take, and of the rest what the last one had."""
    locks.refuse_conflict(root)
    content = locks.read_lock(root)
    if content is None:
        return
    now = {(row["model"], row["source"]): row["now"] for row in rows if row["moved"]}
    for models in (content["models"], *(entry.get("models", {}) for entry in content.get("variants", {}).values())):
        for what, model in models.items():
            model["revision"] = now.get((what, model["source"]), model["revision"])
    write_atomic(root / locks.NAME, locks.write_lock(content))
