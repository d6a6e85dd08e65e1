"""Opening a project for looking: a view over a store that is only read."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lorabuild.core.errors import LorabuildError
from lorabuild.core.store import Store
from lorabuild.graph.inventory import take
from lorabuild.graph.plan import ITEMS
from lorabuild.graph.variants import attach
from lorabuild.graph.view import View

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.schema.loaded import Loaded

STORE = ".lorabuild"


@contextmanager
def viewing(loaded: Loaded, date: int | None = None) -> Iterator[View]:
    """A view for ``plan``, ``status`` and ``why``: no lock is taken, nothing is written."""
    with placed(loaded), Store(loaded.site.root / STORE, read_only=True) as store:
        view = View(loaded.site, take(loaded.site, store), store, ITEMS, date=date)
        if loaded.variants:
            attach(view, loaded)
        yield view


@contextmanager
def placed(loaded: Loaded) -> Iterator[None]:
    """What is found to be wrong with a word of lora.yaml after it was read gets the word's place in the file."""
    try:
        yield
    except LorabuildError as error:
        dotted = error.where.removeprefix("lora.yaml ")
        if dotted.partition(".")[0] in vars(loaded.project):
            error.where = loaded.where(dotted)
        raise
