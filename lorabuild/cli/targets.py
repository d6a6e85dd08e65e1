"""The TARGET words of ``build`` and ``plan``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lorabuild.core.errors import ProjectError
from lorabuild.core.words import nearest
from lorabuild.graph.order import STAGES

if TYPE_CHECKING:
    import argparse


def add_targets(parser: argparse.ArgumentParser) -> None:
    """Let a command name the stages that it goes up to."""
    parser.add_argument(
        "targets", nargs="*", metavar="TARGET", type=stage_named, help=f"go up to this stage: {', '.join(STAGES)}"
    )


def stage_named(word: str) -> str:
    """A stage as it was typed. Raises ``ProjectError`` with the nearest one where there is none of that name."""
    if word in STAGES:
        return word
    known = nearest(word, STAGES)
    hint = f"did you mean `{known}`?" if known else f"choose one of: {', '.join(STAGES)}"
    raise ProjectError(f"there is no stage `{word}`", where="command line", next_step=hint)
