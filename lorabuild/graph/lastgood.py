"""The last good lora.yaml: a watch reads it before every build; while it is wrong, the last good one goes on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lorabuild.core.errors import LorabuildError
from lorabuild.core.nullindex import Seen
from lorabuild.schema.check import check
from lorabuild.schema.load import load
from lorabuild.schema.loaded import FILE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lorabuild.schema.loaded import Loaded


@dataclass(frozen=True, slots=True)
class Reading:
    """What one reading of lora.yaml gave.

    Attributes:
        project: what can be built; None when neither the file nor the last good one will do.
        named: every project whose folders are of interest: to mend one of them may be all that is needed.
        wrong: what is wrong with the file, or with what it names.
        seen: for the null index; None where an index would not be of this file and this lorabuild.
    """

    project: Loaded | None
    named: tuple[Loaded, ...]
    wrong: LorabuildError | None = None
    seen: Seen | None = None


class LastGood:
    """Reads lora.yaml and remembers it as long as it was good.

    Args:
        folder: the project's.
        overrides: what the command line says instead of the file.

    Raises:
        ProjectError: there is no good one to begin with.
    """

    def __init__(self, folder: Path, overrides: Sequence[str] = ()) -> None:
        self.folder, self.overrides = folder, overrides
        self.code = _looks(Seen(folder))
        self.good = load(folder / FILE, overrides)
        check(self.good)

    def read(self) -> Reading:
        """The project as it is written now, or as it last was right."""
        seen = Seen(self.folder)
        # what runs is the code that was there at the start: it may leave nothing behind for one that was edited since
        fits = _looks(seen) == self.code and not self.overrides
        seen.file(self.folder / FILE)
        named = [self.good]
        try:
            fresh = load(self.folder / FILE, self.overrides)
            fresh = fresh if fits else replace(fresh, text=b"")  # without its text it is not kept
            named.append(fresh)
            check(fresh)
        except LorabuildError as error:
            return Reading(self.good if _holds(self.good) else None, tuple(named), error)
        self.good = fresh
        return Reading(fresh, (fresh,), seen=seen if fits else None)


def _looks(seen: Seen) -> tuple[dict[str, Any], dict[str, Any]]:
    """How this lorabuild's own code looks, before anything else is looked at."""
    return dict(seen.folders), dict(seen.files)


def _holds(loaded: Loaded) -> bool:
    """Whether what a project names is still on the disk."""
    try:
        check(loaded)
    except LorabuildError:
        return False
    return True
