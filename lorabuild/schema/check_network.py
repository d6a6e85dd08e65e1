"""Words of ``network:`` that do not go together, or that speak of blocks which the family has not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lorabuild.schema.blocks import expanded, ids
from lorabuild.schema.families import FACTS
from lorabuild.schema.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.schema.loaded import Loaded

NO_DIFFERENCE = {"ia3": "IA3 learns factors", "diag_oft": "Diag-OFT turns outputs"}
"""Types that max-norm scaling has nothing to shorten in."""


def network(loaded: Loaded) -> Iterator[Problem]:
    """Everything in the network that can't be meant."""
    yield from _blocks(loaded)
    yield from _max_norm(loaded)


def _blocks(loaded: Loaded) -> Iterator[Problem]:
    """Names and lists of blocks, each on its own."""
    settings: Any = loaded.project.network
    size = FACTS[loaded.project.base.family].blocks
    for word in type(settings).model_fields:
        written = getattr(settings, word)
        if "block" not in word or not written:
            continue
        where = loaded.where(f"network.{word}")
        try:
            found = expanded(written, size, curves=word == "blocks")
        except ValueError as error:
            yield Problem(where, str(error.args[0]), str(error.args[-1]))
            continue
        if set(found) == set(ids(size)) and not any(found.values()):
            yield Problem(where, f"`{word}` leaves nothing to train: every block is 0", f"leave `{word}` out")


def _max_norm(loaded: Loaded) -> Iterator[Problem]:
    """Max-norm scaling on a network without a difference to shorten."""
    kind = loaded.project.network.type
    if loaded.project.training.max_norm is not None and kind in NO_DIFFERENCE:
        what = f"{NO_DIFFERENCE[kind]} and adds nothing to a weight: max-norm scaling has nothing to shorten"
        yield Problem(loaded.where("training.max_norm"), what, "leave `max_norm` out, or choose another network")
