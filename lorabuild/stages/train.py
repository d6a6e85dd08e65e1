"""``train``: the adapter is trained on cached latents and texts; every epoch leaves a checkpoint.

A kill loses the steps since the last save in ``outputs.scratch(key)``; that folder may be removed as soon as the item's
result is committed, and not before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lorabuild.core.events import Emit
    from lorabuild.core.item import Item, Outputs
    from lorabuild.schema.site import Site
    from lorabuild.training.loop import Course
    from lorabuild.training.progress import Progress
    from lorabuild.training.state import State

VERSION = 1


def run(inputs: Sequence[Item], site: Site, outputs: Outputs, emit: Emit) -> None:
    """Train every item: one project is one item. Raises ``StageError`` when the loss is no longer a number."""
    for item in inputs:
        _train(item, site, outputs, emit)
