"""scan: every file is decoded once – its size, its format, the digest of its pixels – or set aside with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lorabuild.core.digest import digest
from lorabuild.core.events import Emit, Event
from lorabuild.core.files import read_if_there

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lorabuild.core.item import Item, Outputs
    from lorabuild.images.decode import Probe, UnreadableError
    from lorabuild.schema.site import Site

VERSION = 1


def run(inputs: Sequence[Item], site: Site, outputs: Outputs, emit: Emit) -> None:
    """Scan the files; one that changed since it was hashed is left for the next plan."""
    from dataclasses import asdict

    from lorabuild.images.decode import UnreadableError, record
    from lorabuild.images.pool import in_order

    made_with = record()
    answers = in_order(_probed, inputs, site.project.device.threads, 1, emit, "scan")
    for done, (item, found) in enumerate(answers, start=1):
        if found is None:
            text = "changed while it was read; it is scanned next time"
            emit(Event("note", "scan", {"code": "changed", "item": item.id, "text": text}))
        elif isinstance(found, UnreadableError):
            outputs.aside(item, found.what)
        else:
            outputs.done(item, facts=asdict(found), record=made_with)
        emit(Event("progress", "scan", {"done": done, "total": len(inputs), "unit": "images"}))


def _probed(item: Item) -> Probe | UnreadableError | None:
    """What the file holds, or why it can't be read; None where it is no longer the file that was hashed."""
    from lorabuild.images.decode import UnreadableError, probe

    data = read_if_there(item.reads["path"])
    if data is None or digest(data) != item.reads["file"]:
        return None
    try:
        return probe(data)
    except UnreadableError as error:
        return error
