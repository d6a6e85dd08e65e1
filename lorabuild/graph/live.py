"""What the live view shows: the report as it was stored last, or the plan before there is one, and sample pictures."""

from __future__ import annotations

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

REPORT = f"{LAST}.html"


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

    def page(self) -> tuple[bytes, str]:
        """The page, and the policy to serve it under."""
        from lorabuild.publish import live

        report = self._report()
        return live.alive(report if report and live.ours(report) else self._plain(other=bool(report)))

    def picture(self, digest: str) -> bytes | None:
        """The bytes of a sample picture; None of anything else."""
        with suppress(LorabuildError), Store(self.folder, read_only=True) as store:
            return store.read(digest) if digest in self.told else None
        return None

    def there(self, digest: str) -> bool:
        """Whether a picture lies in the store already: it does once the batch that it was drawn in is committed."""
        with suppress(LorabuildError), Store(self.folder, read_only=True) as store:
            return store.has(digest)
        return False

    def _report(self) -> bytes | None:
        """The last report, from the store: what lies in the output folder may be half written, or somebody else's."""
        with suppress(LorabuildError), Store(self.folder, read_only=True) as store:
            held = store.results(store.latest(LAST).values())
            return next((store.read(one.outputs[REPORT]) for one in held.values()), None)
        return None

    def _plain(self, *, other: bool) -> bytes:
        from lorabuild.publish import live

        loaded, plan, problem = self.project(), None, ""
        try:
            with viewing(loaded) as view:
                plan = forecast(view)
        except LorabuildError as error:
            problem = str(error)
        return live.plain(loaded.project, plan, problem, other=other)


def ready(live: Live, events: list[dict[str, Any]], held: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events that can be shown now; pictures whose bytes aren't there yet wait in ``held``."""
    for place, event in enumerate(events):
        if event["event"] == "begun":
            held.clear()
            del events[:place]  # what a build before it said
            break
    waiting = [*held, *(event for event in events if event["event"] == "picture")]
    late = [event for event in waiting if not live.there(str(event.get("picture")))]
    shown = [event for event in held if event not in late] + [event for event in events if event not in late]
    held[:] = late
    live.told.update(event["picture"] for event in waiting if event not in late)
    return shown
