"""balance: the budget becomes repeats, exposure and steps. Pure arithmetic; the plan hands over the numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lorabuild.core.events import Emit, Event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lorabuild.core.item import Item, Outputs
    from lorabuild.schema.site import Site

VERSION = 1


def run(inputs: Sequence[Item], _site: Site, outputs: Outputs, emit: Emit) -> None:
    """Balance the project: the item's facts are the table that ``plan --json`` prints."""
    from lorabuild.balance.budget import plan
    from lorabuild.balance.request import Request

    for done, item in enumerate(inputs, start=1):
        outputs.done(item, facts=plan(Request.from_dict(item.reads["request"])).as_dict())
        emit(Event("progress", "balance", {"done": done, "total": len(inputs)}))
