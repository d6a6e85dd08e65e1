"""The steps of ``finish:`` one after another, each on the state that the one before it left."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from lorabuild.core.errors import ProjectError
from lorabuild.networks import dylora, inspect, merging, resize, strength
from lorabuild.networks.spectrum import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from torch import Tensor

    from lorabuild.schema.finish import Finish


def finished(
    state: Mapping[str, Tensor], steps: Sequence[Finish], others: Iterable[Mapping[str, Tensor]] = ()
) -> dict[str, Tensor]:
    """Kohya name → tensor behind all steps.

    Args:
        state: what was trained.
        steps: what is done to it.
        others: the states of the files that ``merge`` names, in their order.

    Raises:
        ProjectError: a step can't be done to this file.
    """
    made, waiting = dict(state), iter(others)
    ways: dict[str, Callable[[Any], dict[str, Tensor]]] = {
        "resize": lambda said: resize.resized(made, Limits(said.dim, said.conv_dim, said.energy, said.ratio)),
        "rebase": lambda said: strength.rebased(made, said.from_ / said.to),
        "blocks": lambda said: strength.reweighted(made, said),
        "cut": lambda said: cut(made, said),
        "merge": lambda said: merging.merged([(made, 1.0), *((next(waiting), one.weight) for one in said)]),
    }
    for step in steps:
        for word, way in ways.items():
            if (said := getattr(step, word)) is not None:
                try:
                    made = way(said)
                except ProjectError as error:
                    where = f"{word} {error.where}".removesuffix(f" {word}").strip()
                    raise ProjectError(error.what, where=where, next_step=error.next_step) from error
    return made


def cut(state: Mapping[str, Tensor], dim: int) -> dict[str, Tensor]:
    """A DyLoRA with this rank in its linear layers, and the same share of all others. Raises ``ProjectError``."""
    usual = inspect.ranks(state)["dim"]
    whole = int(float(usual)) if usual not in ("None", inspect.VARIES) else 0
    if not whole:
        raise ProjectError(
            "its layers have no rank in common: this is no DyLoRA", next_step="`resize` makes it smaller"
        )
    if dim > whole:
        raise ProjectError(f"its rank is {whole}: there is nothing to cut", next_step=f"write a number up to {whole}")
    return dylora.cut(state, dim / whole)


def said(steps: Iterable[Finish]) -> list[dict[str, Any]]:
    """The steps as they are written in lora.yaml; files by their names alone."""
    return [_bare(step.model_dump(mode="json", by_alias=True)) for step in steps]


def _bare(value: Any) -> Any:
    """Without what isn't said, and without folders."""
    if isinstance(value, dict):
        known = {word: _bare(entry) for word, entry in value.items() if entry is not None}
        return known | ({"file": PurePath(known["file"]).name} if "file" in known else {})
    return [_bare(entry) for entry in value] if isinstance(value, list) else value
