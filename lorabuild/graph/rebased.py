"""The same project over another base model, for drawing only: what a LoRA does on a model that it wasn't trained on."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lorabuild.core.errors import LorabuildError, ProjectError, StoreError
from lorabuild.graph.inventory import take
from lorabuild.graph.view import View

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@contextmanager
def fitting(base: str) -> Iterator[None]:
    """What doesn't fit is of the base that was asked for, where one was."""
    try:
        yield
    except LorabuildError as error:
        if not base or isinstance(error, ProjectError | StoreError):
            raise
        hint = "give a model of the same family and layout as the one that it was trained on"
        raise ProjectError(f"the LoRA doesn't fit: {error.what}", where=f"base {base}", next_step=hint) from error


@dataclass
class Bases:
    """Views of a project over other bases, each opened once.

    Attributes:
        overrides: what the command line says instead of lora.yaml.
        opened: (base, variant) → view.
    """

    overrides: Sequence[str] = ()
    opened: dict[tuple[str, str], View] = field(default_factory=dict)

    def view(self, view: View, base: str = "", variant: str = "") -> View:
        """The project, or a variant of it, over a base: a path seen from here or from the project, or a hub id.

        An empty one is its own. Raises ``ProjectError`` where there is no such model.
        """
        if not base:
            return next(one for one in view.all() if one.variant == variant)
        if (base, variant) not in self.opened:
            self.opened[base, variant] = self._opened(view, base, variant)
        return self.opened[base, variant]

    def _opened(self, view: View, base: str, variant: str) -> View:
        from lorabuild.schema.load import load
        from lorabuild.schema.loaded import FILE

        here = Path(base).expanduser()
        model = str(here.absolute()) if here.exists() else base
        loaded = load(view.site.root / FILE, [*self.overrides, f"base.model={json.dumps(model)}"])
        site = loaded.variants[variant].site if variant else loaded.site
        try:
            return View(site, take(site, view.store), view.store, view.drafts, date=view.date, variant=variant)
        except ProjectError as error:
            raise ProjectError(error.what, where=f"base {base}", next_step=error.next_step) from None
