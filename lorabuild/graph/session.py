"""Opening a project for looking: a view over a store that is only read."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lorabuild.core.store import Store
from lorabuild.graph.inventory import take
from lorabuild.graph.plan import ITEMS
from lorabuild.graph.view import View

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.schema.load import Loaded

STORE = ".lorabuild"


@contextmanager
def viewing(loaded: Loaded, date: int | None = None) -> Iterator[View]:
    """A view for ``plan``, ``status`` and ``why``: no lock is taken, nothing is written."""
    with Store(loaded.site.root / STORE, read_only=True) as store:
        yield View(loaded.site, take(loaded.site, store), store, ITEMS, date=date)
