"""``lorabuild grid``: what the LoRA draws along up to three axes, side by side, as a picture and as a page.

``--x epoch=1-4 --y weight=0.5,1 --z seed=1,2``: columns, rows, pages. Without any: epochs × weights × prompts. Axes are
epoch, weight, prompt, seed, sampler, cfg, steps, blocks, base and variant; values are numbers and ranges (``1-4``,
``0-1/0.25``), names, or a prompt to an option (``--y "prompt=zorbl, forest" --y prompt=1``). What was drawn before is
not drawn again.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lorabuild.cli.lines import near
from lorabuild.cli.options import as_json, described, of_project, opened, said_here, source_date

if TYPE_CHECKING:
    import argparse

DIRECTIONS = {"x": "columns", "y": "rows", "z": "pages"}


def add(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "grid", parents=[of_project()], help="pictures along up to three axes", description=described(__doc__)
    )
    for letter, what in DIRECTIONS.items():
        parser.add_argument(f"--{letter}", metavar="AXIS[=VALUES]", action="append", default=[], help=what)
    parser.add_argument("--at", metavar="AXIS=VALUE", action="append", default=[], help="what holds for all of it")
    parser.add_argument("-o", "--out", metavar="FILE", help="a .png, .webp or .html file (default: out/grid/…)")
    parser.add_argument("--replace", action="store_true", help="write over files that are there")


def run(args: argparse.Namespace) -> int:
    """Draw what is missing and write the files; 0 always."""
    from contextlib import nullcontext

    from lorabuild.cli.faces import face
    from lorabuild.core.events import silent
    from lorabuild.graph import gridfiles, grids, xyz
    from lorabuild.graph.rebased import Bases
    from lorabuild.graph.session import viewing

    loaded, bases = opened(args), Bases(said_here(args))
    axes = {letter: getattr(args, letter) for letter in DIRECTIONS}
    with viewing(loaded, source_date()) as view:
        plot = xyz.plotted(view, axes, args.at, bases)
        paths = gridfiles.places(view, plot, args.out, replace=args.replace)
        with nullcontext(silent) if as_json(args) else face(args, loaded.project) as emit:
            pictures, count = xyz.pictures(view, plot, bases, emit)
            gridfiles.written(view, plot, pictures, paths)
            grids.keep(view, plot, pictures, paths, emit)
    if as_json(args):
        print(json.dumps(gridfiles.told(plot, count, paths), ensure_ascii=False))
        return 0
    for path in paths:
        print(near(path))
    return 0
