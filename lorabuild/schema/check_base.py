"""Settings of the base model that don't go together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lorabuild.schema.families import FACTS
from lorabuild.schema.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.schema.loaded import Loaded


def base(loaded: Loaded) -> Iterator[Problem]:
    """Every such setting."""
    settings = loaded.project.base
    layer, skip = FACTS[settings.family].layer, settings.clip_skip
    if layer is not None and skip not in {1, layer}:
        what = f"{settings.family} always reads layer {layer} from the end, never the one of clip_skip {skip}"
        yield Problem(
            loaded.where("base.clip_skip"), what, f"leave `clip_skip` out (1 and {layer} both mean that layer)"
        )
    if settings.zero_terminal_snr and settings.prediction == "epsilon":
        what = "from noise without any signal nothing follows by predicting epsilon: zero_terminal_snr needs v"
        next_step = "write `prediction: v_prediction`, if the base predicts that, or leave `zero_terminal_snr` out"
        yield Problem(loaded.where("base.zero_terminal_snr"), what, next_step)
