"""Settling: when changed files are ripe for a build. It is told what is seen and when, and has no clock of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lorabuild.core.stamps import Stamp

QUIET = 0.3  # seconds without a change: an editor has finished its save, a program its series of files
PATIENCE = 2.0  # seconds after which a person wants to know what is waited for
LEAST = 0.05


class _Change(NamedTuple):
    """What a file looks like (None: it is gone), when its change was noticed, and since when it looks like this."""

    mark: Stamp | None
    noticed: float
    still: float


@dataclass(slots=True)
class Settling:
    """Debounce: waits until all is quiet, as long as that takes.

    A build beside a file that is still being written would find another one at every look, and give up.
    """

    changed: dict[str, _Change] = field(default_factory=dict)
    told: bool = False

    def ripe(self, changed: Mapping[str, Stamp | None], now: float) -> bool:
        """Whether it is time to build, after a look that found these files changed."""
        self.changed = {path: self._since(path, mark, now) for path, mark in changed.items()}
        return bool(changed) and all(now - change.still >= QUIET for change in self.changed.values())

    def _since(self, path: str, mark: Stamp | None, now: float) -> _Change:
        held = self.changed.get(path)
        if held is None:
            return _Change(mark, now, now)
        return held if held.mark == mark else held._replace(mark=mark, still=now)

    def left(self, now: float) -> float:
        """Seconds until another look can tell more."""
        latest = max((change.still for change in self.changed.values()), default=now)
        return max(LEAST, latest + QUIET - now)

    def waited(self, now: float) -> float:
        """Seconds since the first of the changes was noticed."""
        return now - min((change.noticed for change in self.changed.values()), default=now)

    def late(self, now: float) -> str:
        """The file that is waited for longer than a save takes, said once; empty otherwise."""
        if self.told or self.waited(now) < PATIENCE:
            return ""
        self.told = True
        return max(self.changed, key=lambda path: self.changed[path].still)

    def over(self) -> None:
        """The changes are taken up."""
        self.changed, self.told = {}, False
