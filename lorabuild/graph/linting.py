"""Lint on demand: images are scanned, prepared and looked at where they weren't, and nothing heavy is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lorabuild.core.events import silent
from lorabuild.graph import lint, looks
from lorabuild.graph.build import build
from lorabuild.graph.members import members
from lorabuild.graph.session import viewing
from lorabuild.graph.wishes import Wishes

if TYPE_CHECKING:
    from lorabuild.balance.findings import Finding
    from lorabuild.schema.loaded import Loaded


_READ = ("scan", "prepare")


def linted(loaded: Loaded, date: int | None = None) -> tuple[list[Finding], int]:
    """Every finding, and how many images have no up-to-date caption. Raises BusyError while a build has the store."""
    with viewing(loaded, date) as view:
        ready = all(view.step(stage).clean for stage in _READ)
    if not ready:  # a build would drop the indexes, and begin the journal anew
        build(loaded, Wishes(targets=_READ, wait=False), silent)
    with viewing(loaded, date) as view:
        looks.made(view)
    with viewing(loaded, date) as view:  # what was just made is seen by a store that is opened after it
        return lint.findings(view), sum(1 for one in members(view) if not one.twin and one.caption is None)
