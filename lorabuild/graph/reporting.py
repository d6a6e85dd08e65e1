"""The item of the report: the page about the build."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lorabuild.core.digest import canonical, digest
from lorabuild.graph import balancing
from lorabuild.graph.forecast import duplicates
from lorabuild.graph.products import TOLD, content
from lorabuild.graph.status import aside
from lorabuild.graph.view import Draft, View, Waiting, item

if TYPE_CHECKING:
    from collections.abc import Iterator

SHOWN = TOLD | {"pixels", "tags", "pruned", "dropped", "human"}
"""What the page shows of an image, beside its name."""


def report(view: View) -> Iterator[Draft]:
    """The page about the build. What ran and how long it took is on it, and not in its key."""
    packed, trained = view.made("package").get("package"), view.made("train").get("train")
    if packed is None or trained is None:
        yield Waiting("report")
        return
    table = balancing.table(view).as_dict()
    balance = {**table, "warnings": [*table["warnings"], *duplicates(view)]}
    files = [{"name": name, **made} for name, made in packed.facts["files"].items()]
    base = next(made for made in view.step("package").items)
    parts = {
        **view.site.consumed(),
        "package": packed.key,
        "images": content(base.reads["images"], SHOWN),
        "balance": digest(canonical(table)),
        "set aside": len(aside(view)),
    }
    reads = {
        **base.reads,
        "balance": balance,
        "aside": aside(view),
        "log": trained.outputs.get("log"),
        "stopped": trained.facts.get("stopped", ""),
        "stages": [{"name": name, **counts} for name, counts in view.tally.items()],
        "files": files,
    }
    yield item("report", "report", parts, reads)
