"""The stages in the order in which data walks through them, by name only: planning imports no room."""

from __future__ import annotations

STAGES = (
    "scan",
    "prepare",
    "tag",
    "caption",
    "balance",
    "latents",
    "text",
    "train",
    "sample",
    "package",
    "report",
)
LAST = STAGES[-1]
BY_PATH, BY_MEMBER = ("scan", "prepare", "tag"), ("caption", "latents")  # an item an image, or an image in a concept
OF_IMAGES = BY_PATH + BY_MEMBER  # these set an image aside instead of failing


def up_to(targets: tuple[str, ...]) -> tuple[str, ...]:
    """Every stage up to and including the last of ``targets``; all of them when none is named."""
    if not targets:
        return STAGES
    return STAGES[: max(STAGES.index(target) for target in targets) + 1]
