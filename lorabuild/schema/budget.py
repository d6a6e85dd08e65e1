"""``budget:`` how long to train, in image steps."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lorabuild.schema.section import Section


class Budget(Section):
    """Image steps (images seen), spread over epochs. Regularization images come on top."""

    steps: int | None = Field(
        None, ge=1, examples=[2000], description="Image steps in all. Without it the recipe decides."
    )
    epochs: int = Field(8, ge=1, description="Epochs; each leaves a checkpoint to choose from.")
    recipe: Literal["auto", "adamw", "prodigy"] = Field(
        "auto", description="Rule of thumb used when `steps` is not given; `auto` follows the optimizer."
    )
    retro: bool = Field(
        default=False, description="1980s/90s anime and screencaps learn fast: a third of the recipe's steps."
    )
