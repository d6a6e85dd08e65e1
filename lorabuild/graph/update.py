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

    from lorabuild.schema.site import Site

FIXED = re.compile(r"[0-9a-f]{40}")


def update(site: Site, names: Sequence[str], say: Callable[[str], None], *, dry_run: bool) -> list[dict[str, Any]]:
    """Move pins, online.

    Args:
        site: the project.
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
    chosen = _chosen(on_hub(site), names)
    rows = [_row(what, name) for what, name in chosen.items()]
    if not dry_run and any(row["moved"] for row in rows):
        with claim(site.root / STORE, wait=True, say=say):
            _write(site, rows)
    return rows


def _chosen(known: dict[str, hub.HubName], names: Sequence[str]) -> dict[str, hub.HubName]:
    """The models that are asked for. Raises ``ProjectError``."""
    words = {word: what for what, name in known.items() for word in (str(name), name.repo, what)}
    for name in names:
        if name not in words:
            near = nearest(name, words)
            raise ProjectError(
                f"this project takes no `{name}` from the hub",
                where="command line",
                next_step=f"did you mean `{near}`?" if near else f"it takes: {', '.join(known) or 'nothing'}",
            )
    asked = {words[name] for name in names} or {*known}
    return {what: name for what, name in known.items() if what in asked}


def _row(what: str, name: hub.HubName) -> dict[str, Any]:
    fixed = bool(FIXED.fullmatch(name.revision))
    now = name.revision if fixed else hub.newest(name)
    moved = name.pin is not None and now != name.pin
    branch = None if fixed else name.revision
    return {"model": what, "source": str(name), "branch": branch, "then": name.pin, "now": now, "moved": moved}


def _write(site: Site, rows: Sequence[dict[str, Any]]) -> None:
    """The lock with other pins: it then tells what the next build is to take, and of the rest what the last one had."""
    locks.refuse_conflict(site.root)
    content = locks.read_lock(site.root)
    if content is None:
        return
    for row in rows:
        if row["moved"]:
            content["models"][row["model"]]["revision"] = row["now"]
    write_atomic(site.root / locks.NAME, locks.write_lock(content))
