"""``lorabuild lora``: what a LoRA file is, and other files made from it; FILE is any .safetensors with kohya's names.

Every command but ``inspect`` and ``blocks`` writes to ``-o FILE``, and over a file that is there only with
``--replace``. The same steps stand in lora.yaml as ``finish:``; then each build does them.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lorabuild.cli.options import as_json, common, described, of_project, opened, project_folder, source_date
from lorabuild.core.errors import ProjectError
from lorabuild.schema.families import FACTS

if TYPE_CHECKING:
    from collections.abc import Callable

LIMITS = {"dim": int, "conv_dim": int, "energy": float, "ratio": float}
SAID = {
    "dim": "most ranks of a layer",
    "conv_dim": "most ranks of kernels above 1x1",
    "energy": "share of a layer's squared norm that stays at least (0.95)",
    "ratio": "singular values this many times smaller than the largest go",
}


def add(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "lora",
        parents=[common()],
        help="look into LoRA files; resize, rescale, merge, extract",
        description=described(__doc__),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    _add_looking(actions)
    for name, help_ in (
        ("rebase", "what looked right at one weight looks so at another"),
        ("reweight", "another strength for each block"),
        ("resize", "fewer ranks (SVD)"),
        ("cut", "the first ranks of a DyLoRA"),
        ("merge", "several files at their weights in one: FILE=0.7 FILE=0.3"),
        ("extract", "what a tuned checkpoint learned since its base"),
    ):
        own = actions.add_parser(name, parents=[common()], help=help_, description=f"{help_[0].upper()}{help_[1:]}.")
        _add_words(name, own)
        own.add_argument("-o", dest="out", metavar="FILE", type=Path, required=True, help="the file to write")
        own.add_argument("--replace", action="store_true", help="write over a file that is there")


def _add_looking(actions: Any) -> None:
    look = actions.add_parser("inspect", parents=[common()], help="what a file is", description="What a file is.")
    look.add_argument("files", nargs=1, metavar="FILE", type=Path)
    look.add_argument("--picture", metavar="PNG", type=Path, help="the norms of the blocks as a picture")
    look.add_argument("--replace", action="store_true", help="draw over a picture that is there")
    look.add_argument("--tags", type=int, default=12, metavar="N", help="so many of its tags (default 12)")
    blocks = actions.add_parser(
        "blocks", parents=[of_project()], help="what each block of the project's LoRA does", description=BLOCKS
    )
    blocks.add_argument("--prompts", type=int, default=2, metavar="N", help="so many of `samples.prompts` (default 2)")
    blocks.add_argument("--epoch", type=int, metavar="N", help="which epoch (default: the one that is handed out)")
    blocks.add_argument("--picture", metavar="PNG", type=Path, help="the grid (default: blocks.png in the store)")
    blocks.add_argument("--replace", action="store_true", help="draw over a picture that is there")
    blocks.add_argument("--write", action="store_true", help="write the suggestion into lora.yaml")


BLOCKS = (
    "Draws with each block alone and without it, measures how far the pictures move, and suggests `network.blocks` for "
    "the next training."
)


def _add_words(name: str, parser: argparse.ArgumentParser) -> None:
    """The words of one action."""
    if name == "extract":
        parser.add_argument("files", nargs=2, metavar="MODEL", type=Path, help="the base, then the tuned checkpoint")
        parser.add_argument("--family", choices=tuple(FACTS), default=next(iter(FACTS)), help="of both models")
        parser.add_argument("--train", choices=("both", "unet", "text_encoder"), default="both", help="which parts")
    elif name == "merge":
        parser.add_argument("files", nargs="+", metavar="FILE=WEIGHT", help="a file and its weight (1 unless written)")
    else:
        parser.add_argument("files", nargs=1, metavar="FILE", type=Path)
    if name == "rebase":
        parser.add_argument("--from", dest="from_", metavar="W", type=float, required=True, help="what looked right")
        parser.add_argument("--to", metavar="W", type=float, default=1.0, help="what shall look so (default 1)")
    elif name == "reweight":
        parser.add_argument("blocks", nargs="+", help="`IN04=0.5 OUT03-OUT05=0`, 12, 17, 20 or 26 values, or a preset")
    elif name == "cut":
        parser.add_argument("--dim", metavar="N", type=int, required=True, help="ranks that stay")
    elif name in ("resize", "merge", "extract"):
        for word, kind in LIMITS.items():
            parser.add_argument(f"--{word.replace('_', '-')}", dest=word, metavar="N", type=kind, help=SAID[word])


def run(args: argparse.Namespace) -> int:
    """Look, or write a file and say what it is now; 0 always."""
    ways: dict[str, Callable[[argparse.Namespace], int]] = {"inspect": _inspect, "blocks": _blocks}
    return ways.get(args.action, _rework)(args)


def _inspect(args: argparse.Namespace) -> int:
    from lorabuild.cli import loras
    from lorabuild.graph import lora

    if args.picture:
        lora.may_draw(args.picture, replace=args.replace)
    found = lora.inspected(args.files[0])
    if args.picture:
        lora.picture(found, args.picture)
    if as_json(args):
        print(json.dumps(found, ensure_ascii=False))
    else:
        print("\n".join(loras.file(found, most=args.tags, every=getattr(args, "verbose", False))))
    return 0


def _blocks(args: argparse.Namespace) -> int:
    from contextlib import nullcontext

    from lorabuild.cli import loras
    from lorabuild.cli.faces import face
    from lorabuild.core.events import silent
    from lorabuild.graph import blocks, lora
    from lorabuild.graph.session import viewing

    if args.picture:
        lora.may_draw(args.picture, replace=args.replace)
    loaded = opened(args)
    with viewing(loaded, source_date()) as view:
        with nullcontext(silent) if as_json(args) else face(args, loaded.project) as emit:
            found = blocks.measured(view, args.prompts, args.epoch, emit)
        place = blocks.laid_out(view, found, args.picture)
    backup = blocks.written(project_folder(args) / "lora.yaml", found) if args.write else None
    told = {"written": bool(args.write and found.quiet), "backup": backup.name if backup else None}
    data = found.as_dict() | {"picture": str(place), **told}
    print(json.dumps(data, ensure_ascii=False) if as_json(args) else "\n".join(loras.blocks(data)))
    return 0


def _rework(args: argparse.Namespace) -> int:
    """The actions that write a file."""
    from lorabuild.cli import loras
    from lorabuild.graph import lora

    if args.action == "merge":
        found = lora.merged(_weighed(args.files), args.out, _limits(args), replace=args.replace)
    elif args.action == "extract":
        limits = _limits(args) or _step("resize", {"dim": 32})
        (base, tuned), parts = args.files, args.train
        found = lora.extracted(base, tuned, args.out, limits, family=args.family, parts=parts, replace=args.replace)
    else:
        found = lora.reworked(args.files[0], args.out, _said(args), replace=args.replace)
    if as_json(args):
        print(json.dumps(found, ensure_ascii=False))
    elif not getattr(args, "quiet", False):
        print("\n".join(loras.became(found)), file=sys.stderr)
    return 0


def _said(args: argparse.Namespace) -> Any:
    """The step that an action is, as in ``finish:``."""
    if args.action == "rebase":
        return _step("rebase", {"from": args.from_, "to": args.to})
    if args.action == "cut":
        return _step("cut", args.dim)
    if args.action == "reweight":
        return _step("blocks", _by_block(args.blocks))
    limits = _limits(args)
    if limits is None:
        raise ProjectError("no size was given", where="command line", next_step="say `--dim 16` or `--energy 0.95`")
    return limits


def _limits(args: argparse.Namespace) -> Any:
    said = {word: value for word in LIMITS if (value := getattr(args, word)) is not None}
    return _step("resize", said) if said else None


def _step(word: str, value: Any) -> Any:
    from lorabuild.schema.finish import step

    return step(word, value)


def _by_block(words: list[str]) -> Any:
    """``IN04=0.5`` as names with values, anything else as ``network.blocks`` takes it."""
    if not any("=" in word for word in words):
        return ",".join(words)
    pairs = [word.rpartition("=") for word in words]
    try:
        return {name: float(value) for name, _, value in pairs}
    except ValueError:
        hint = "write `IN04=0.5 OUT03-OUT05=0`"
        raise ProjectError(f"`{' '.join(words)}` names no weights", where="command line", next_step=hint) from None


def _weighed(words: list[str]) -> list[tuple[Path, float]]:
    """``FILE=0.7`` as a file and its weight; a file whose name ends like that is taken as it is."""
    found = []
    for word in words:
        name, equals, weight = word.rpartition("=")
        try:
            found.append((Path(name), float(weight)) if equals and not Path(word).exists() else (Path(word), 1.0))
        except ValueError:
            hint = "write `a.safetensors=0.7 b.safetensors=0.3`"
            raise ProjectError(f"`{weight}` is no weight", where="command line", next_step=hint) from None
    return found
