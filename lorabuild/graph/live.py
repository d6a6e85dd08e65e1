"""What the live view shows: the report as it was stored last, or the plan before there is one, and sample pictures."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lorabuild.core.errors import LorabuildError
from lorabuild.core.store import Store
from lorabuild.graph.forecast import forecast
from lorabuild.graph.order import LAST
from lorabuild.graph.session import STORE, viewing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lorabuild.schema.loaded import Loaded
    from lorabuild.schema.project import Project

REPORT = f"{LAST}.html"
DIGEST = re.compile(r"b3:[0-9a-f]{64}")


@dataclass(frozen=True)
class Live:
    """Reads the store and never claims it, nor writes.

    Attributes:
        project: answers with the project as it is now.
        told: pictures that a journal has told of: these can be had, and no other blob.
    """

    project: Callable[[], Loaded]
    told: set[str] = field(default_factory=set)

    @property
    def folder(self) -> Path:
        """The store."""
        return self.project().site.root / STORE

    def projects(self) -> dict[str, Project]:
        """Variant → its settings; the project itself (``""``) first."""
        loaded = self.project()
        return {"": loaded.project, **{name: one.project for name, one in loaded.variants.items()}}

    def page(self, variant: str = "") -> tuple[bytes, str]:
        """The page of the project or of a variant, and the policy to serve it under. Raises KeyError for another."""
        from lorabuild.publish import live

        projects, mark = self.projects(), self.mark(variant)
        names = {name: project.name for name, project in projects.items()}
        report = self._bytes(mark) if mark else None
        shown = report if report and live.ours(report) else self._plain(projects[variant], other=bool(report))
        return live.alive(shown, names, variant, mark)

    def mark(self, variant: str = "") -> str:
        """The digest of the last report; empty before there is one."""
        name = f"{variant}: {LAST}" if variant else LAST
        with suppress(LorabuildError), Store(self.folder, read_only=True) as store:
            held = store.results([key] if (key := store.latest(LAST).get(name)) else [])
            return next((one.outputs[REPORT] for one in held.values()), "")
        return ""

    def picture(self, digest: str) -> bytes | None:
        """The bytes of a sample picture; None of anything else."""
        return self._bytes(digest) if digest in self.told else None

    def there(self, digest: str) -> bool:
        """Whether a picture lies in the store already: it does once the batch that it was drawn in is committed."""
        with suppress(LorabuildError), Store(self.folder, read_only=True) as store:
            return store.has(digest)
        return False

    def _bytes(self, digest: str) -> bytes | None:
        """A blob of the store: what lies in the output folder may be half written, or somebody else's."""
        with suppress(LorabuildError), Store(self.folder, read_only=True) as store:
            return store.read(digest)
        return None

    def _plain(self, project: Project, *, other: bool) -> bytes:
        from lorabuild.publish import live

        loaded, plan, problem = self.project(), None, ""
        try:
            with viewing(loaded) as view:
                plan = forecast(view)
        except LorabuildError as error:
            problem = str(error)
        return live.plain(project, plan, problem, other=other)


def ready(live: Live, events: list[dict[str, Any]], held: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events that can be shown now; pictures whose bytes aren't there yet wait in ``held``."""
    for place, event in enumerate(events):
        if event["event"] == "begun":
            held.clear()
            del events[:place]  # what a build before it said
            break
    events = [event for event in events if event["event"] != "picture" or DIGEST.fullmatch(str(event.get("picture")))]
    waiting = [*held, *(event for event in events if event["event"] == "picture")]
    late = [event for event in waiting if not live.there(event["picture"])]
    shown = [event for event in held if event not in late] + [event for event in events if event not in late]
    held[:] = late
    live.told.update(event["picture"] for event in waiting if event not in late)
    return shown
