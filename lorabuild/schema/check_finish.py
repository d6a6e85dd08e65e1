"""Steps of ``finish:`` that say nothing, or that can't be done to what is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lorabuild.schema.blocks import expanded
from lorabuild.schema.families import FACTS
from lorabuild.schema.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.schema.loaded import Loaded

WORDS = ("resize", "rebase", "blocks", "cut", "merge")


def finish(loaded: Loaded) -> Iterator[Problem]:
    """Everything in the steps that can't be meant."""
    for number, step in enumerate(loaded.project.finish):
        said = [word for word in WORDS if getattr(step, word) is not None]
        if len(said) != 1:
            what = f"a step does one thing, and this one says {' and '.join(said) or 'nothing'}"
            yield Problem(loaded.place("finish", str(number)), what, f"write one of {', '.join(WORDS)} in each step")
            continue
        where = loaded.place("finish", str(number), said[0])
        for what, next_step in _wrong(loaded, said[0], getattr(step, said[0])):
            yield Problem(where, what, next_step)


def _wrong(loaded: Loaded, word: str, value: Any) -> Iterator[tuple[str, str]]:
    """What is wrong with one step, and what to write."""
    network: Any = loaded.project.network
    fixed = "DoRA" if getattr(network, "dora", False) else "Diag-OFT" if network.type == "diag_oft" else ""
    if word == "resize":
        if not any((value.dim, value.conv_dim, value.energy, value.ratio)):
            yield "this says no size", "write `resize: 16`, or `resize: {energy: 0.95}`"
        elif network.type in ("ia3", "diag_oft"):
            yield f"`{network.type}` has no ranks that could be fewer", "leave `resize` out"
    elif word == "cut":
        yield from _cut(network, value)
    elif word == "blocks":
        yield from _blocks(loaded, value, fixed)
    elif fixed:
        yield f"a {fixed} is what it is at full strength only", f"leave `{word}` out, or train another network"


def _cut(network: Any, dim: int) -> Iterator[tuple[str, str]]:
    """Only a DyLoRA, at a multiple of its unit below its rank."""
    if network.type != "dylora":
        yield f"`{network.type}` has no order among its ranks: it can't be cut", f"write `resize: {dim}`"
    elif dim % network.unit or dim > network.dim:
        near = min(max(network.unit, round(dim / network.unit) * network.unit), network.dim)
        what = f"{dim} is no multiple of `unit` ({network.unit}) up to `dim` ({network.dim})"
        yield what, f"write `cut: {near}`"


def _blocks(loaded: Loaded, value: Any, fixed: str) -> Iterator[tuple[str, str]]:
    try:
        found = expanded(value, FACTS[loaded.project.base.family].blocks)
    except ValueError as error:
        yield str(error.args[0]), str(error.args[-1])
        return
    if fixed and not {*found.values()} <= {0, 1}:
        yield f"a {fixed} is what it is at full strength only", "write 0 or 1 for each block"
