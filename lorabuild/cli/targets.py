"""The TARGET words of ``build`` and ``plan``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lorabuild.graph.order import STAGES

if TYPE_CHECKING:
    import argparse


def add_targets(parser: argparse.ArgumentParser) -> None:
    """Let a command name the stages that it goes up to."""
    parser.add_argument(
        "targets",
        nargs="*",
        metavar="TARGET",
        default=[],
        choices=[[], *STAGES],
        help=f"go up to this stage: {', '.join(STAGES)}",
    )
