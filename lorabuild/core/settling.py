"""Settling: when changed files are ripe for a build. It is told what is seen and when, and has no clock of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lorabuild.core.stamps import Stamp

QUIET = 0.3  # seconds without a change: an editor has finished its save, a program its series of files
PATIENCE = 2.0  # seconds for which files that are complete wait for others that still grow
LEAST = 0.05


class _Change(NamedTuple):
    """What a file looks like (None: it is gone), when its change was noticed, and since when it looks like this."""

    mark: Stamp | None
    noticed: float
    still: float


@dataclass(slots=True)
class Settling:
    """Debounce: waits until all is quiet. A file that keeps growing is waited for; others wait for it only so long."""

    quiet: float = QUIET
    patience: float = PATIENCE
    changed: dict[str, _Change] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)

    def ripe(self, changed: Mapping[str, Stamp | None], now: float) -> bool:
        """Whether it is time to build, after a look that found these files changed."""
        self.changed = {path: self._since(path, mark, now) for path, mark in changed.items()}
        self.told &= changed.keys()
        calm = [change for change in self.changed.values() if now - change.still >= self.quiet]
        waited = max((now - change.noticed for change in calm), default=0.0)
        return bool(calm) and (len(calm) == len(self.changed) or waited >= self.patience)

    def _since(self, path: str, mark: Stamp | None, now: float) -> _Change:
        held = self.changed.get(path)
        if held is None:
            return _Change(mark, now, now)
        return held if held.mark == mark else held._replace(mark=mark, still=now)

    def left(self, now: float) -> float:
        """Seconds until another look can tell more."""
        latest = max((change.still for change in self.changed.values()), default=now)
        return max(LEAST, latest + self.quiet - now)

    def growing(self, now: float) -> list[str]:
        """Files that have kept changing for longer than a save takes; each is named once."""
        late = {
            path
            for path, change in self.changed.items()
            if now - change.noticed >= self.patience and now - change.still < self.quiet
        }
        fresh = sorted(late - self.told)
        self.told |= late
        return fresh

    def waited(self, now: float) -> float:
        """Seconds since the first of the changes was noticed."""
        return now - min((change.noticed for change in self.changed.values()), default=now)
