"""``publish``: what was built is compared with a place, told, and brought there once the person said so."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lorabuild.core.errors import DifferenceError, ProjectError
from lorabuild.graph import lock as locks
from lorabuild.graph import past
from lorabuild.graph.finish import content, packed
from lorabuild.graph.order import up_to
from lorabuild.graph.session import viewing
from lorabuild.graph.variants import wanted
from lorabuild.graph.wishes import Wishes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lorabuild.graph.view import View
    from lorabuild.publish.place import Place
    from lorabuild.schema.loaded import Loaded

STAGES = up_to(("package",))
SUMS = "SHA256SUMS"
UNNAMED = ("README.md", SUMS)
"""Files that aren't called after the LoRA, whatever stands before them in the output folder."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What would be brought to a place.

    Attributes:
        target: the place as a person names it; empty where none is named yet.
        files: name there → bytes.
        states: name → ``new``, ``other`` (a different file lies there) or ``same``.
        place: takes the files.
    """

    target: str
    files: Mapping[str, bytes]
    states: Mapping[str, str]
    place: Place | None

    @property
    def rows(self) -> list[dict[str, Any]]:
        """``[{"name", "bytes", "sha256", "state"}]``."""
        shas = {entry["path"]: entry["sha256"] for entry in past.shas(dict(self.files))}
        sizes = {name: len(data) for name, data in self.files.items()}
        return [
            {"name": name, "bytes": sizes[name], "sha256": shas[name], "state": self.states[name]}
            for name in self.files
        ]

    @property
    def coming(self) -> dict[str, bytes]:
        """The files that aren't there as they are."""
        return {name: data for name, data in self.files.items() if self.states[name] != "same"}

    @property
    def replaced(self) -> list[str]:
        """Names under which a different file lies there."""
        return [name for name, state in self.states.items() if state == "other"]

    def upload(self) -> str:
        """Bring what isn't there; where it is found now. Raises ``LorabuildError``."""
        assert self.place
        return self.place.upload(self.coming)


def offer(
    loaded: Loaded, to: str | None, *, variant: str = "", date: int | None = None, private: bool = False
) -> Offer:
    """Look at what was built, and at the place; nothing is written.

    Args:
        loaded: the checked project.
        to: ``hub:owner/name``, an address with ``://``, or a folder; None looks at no place.
        variant: the variant whose files these are; empty for the project's own.
        date: SOURCE_DATE_EPOCH, where a person fixed the date that the files carry.
        private: a repository that has to be made is closed to others.

    Raises:
        DifferenceError: the build isn't up to date, or lora.lock or the output folder say something else.
        ProjectError: there is no such variant, or ``to`` is no place.
        LorabuildError: the place can't be reached.
    """
    place, target = (None, "") if to is None else place_of(to, private=private)
    if variant:
        wanted(loaded, Wishes(variant=variant))
    with viewing(loaded, date) as view:
        _hold(view)
        one = next(one for one in view.all() if one.variant == variant)
        files = _named(one)
    states = place.compare(files) if place else dict.fromkeys(files, "new")
    return Offer(target, files, states, place)


def place_of(to: str, *, private: bool) -> tuple[Place, str]:
    """A place and what a person calls it. Raises ``ProjectError``."""
    from lorabuild.core.objects import FolderObjects
    from lorabuild.core.remote import objects_at, without_password
    from lorabuild.publish.place import Repository, Store, answering

    if to.startswith("hub:"):
        name = to.removeprefix("hub:")
        if not re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", name):
            raise ProjectError(f"`{to}` names no model of the hub", where="--to", next_step="write hub:owner/name")
        return Repository(name, private), to
    if "://" in to:
        target = without_password(to)
        with answering(target):
            return Store(target, objects_at(to)), target
    folder = Path(to).expanduser().absolute()
    if folder.exists() and not folder.is_dir():
        raise ProjectError(f"`{to}` is a file", where="--to", next_step="name a folder")
    return Store(str(folder), FolderObjects(folder)), str(folder)


def _hold(view: View) -> None:
    """Raise ``DifferenceError`` unless all is built as the lock says, and lies in the output folder as it was built."""
    if not all(one.step(stage).clean for one in view.all() for stage in STAGES):
        raise DifferenceError(f"{view.project.name} is not up to date", next_step="`lorabuild` builds it")
    handed, root = packed(view.all(), STAGES), view.site.root
    try:
        locks.compare(locks.read_lock(root), content(view, STAGES, past.shas(handed)))
    except DifferenceError as error:
        step = "run `lorabuild`, look at what `lorabuild diff` says, then publish"
        raise DifferenceError(error.what, where=error.where, next_step=step) from error
    for path, data in handed.items():
        place = view.site.path(path)
        if not place.is_file() or place.read_bytes() != data:
            step = "`lorabuild` puts it back; what lies there is kept in its history"
            raise DifferenceError("this file is not what was built", where=path, next_step=step)


def _named(view: View) -> dict[str, bytes]:
    """Name → bytes of a view's files, as they are called where nothing else lies beside them."""
    from lorabuild.publish import sidecars

    before, found = f"{view.project.name}-", {}
    for result in view.made("package").values():
        for name, blob in result.outputs.items():
            short = name.removeprefix(before)
            found[short if short in UNNAMED else name] = view.store.read(blob)
    if found.pop(SUMS, None):
        found[SUMS] = sidecars.sums({entry["path"]: entry["sha256"] for entry in past.shas(found)})
    return dict(sorted(found.items()))
