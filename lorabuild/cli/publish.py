"""``lorabuild publish [--to PLACE]``: bring what was built to the Hugging Face hub, to a folder or to an address.

It first says what would go there: names, sizes, sums, and which files would take the place of others. Nothing is
uploaded without your yes: answered here, or said as `--yes`. It refuses what isn't up to date or not as lora.lock says.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from lorabuild.cli.options import as_json, described, of_project, opened, source_date
from lorabuild.core.amounts import shown

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from lorabuild.graph.publish import Offer

STATES = {"new": "", "other": "  in place of another file", "same": "  is there"}


def add(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "publish", parents=[of_project()], help="bring the LoRA to a hub or a folder", description=described(__doc__)
    )
    parser.add_argument("--to", metavar="PLACE", help="hub:owner/name, a folder, or an address as s3://bucket/loras")
    parser.add_argument("--yes", action="store_true", help="upload, without being asked")
    parser.add_argument("--replace", action="store_true", help="with --yes: also in place of different files")
    parser.add_argument("--private", action="store_true", help="make a new repository of the hub a closed one")
    parser.add_argument("--variant", metavar="NAME", help="the files of this variant (default: the project's own)")


def run(args: argparse.Namespace) -> int:
    """Say what would be uploaded, and upload it where the person agrees; 0 in both cases."""
    from lorabuild.graph.publish import offer
    from lorabuild.graph.session import placed

    quiet = as_json(args) or getattr(args, "quiet", False)
    if quiet:
        from huggingface_hub.utils.tqdm import disable_progress_bars

        disable_progress_bars()
    loaded = opened(args)
    with placed(loaded):
        found = offer(loaded, args.to, variant=args.variant or "", date=source_date(), private=args.private)
    if not quiet:
        print("\n".join(_lines(found)))
    where = found.upload() if found.coming and args.to and _agreed(args, loaded.site.root, found) else ""
    if as_json(args):
        told = {"to": found.target, "uploaded": bool(where), "where": where, "files": found.rows}
        print(json.dumps({"event": "done", "ok": True, **told}, ensure_ascii=False))
    elif not quiet:
        print(_end(found, where), file=sys.stderr)
    return 0


def _agreed(args: argparse.Namespace, root: Any, found: Offer) -> bool:
    """Whether the person wants it. Raises ``DifferenceError`` where a yes said ahead would replace different files."""
    from lorabuild.cli.person import asking, person
    from lorabuild.core.consent import Want, answer
    from lorabuild.core.errors import DifferenceError

    ahead = args.yes or answer(person(), root, Want("publish to", found.target))
    if ahead and found.replaced and not args.replace:
        raise DifferenceError(
            f"different files lie there: {', '.join(found.replaced)}",
            where=found.target,
            next_step="look at them; `--yes --replace` puts these in their place",
        )
    question = asking(args)
    return bool(ahead) or bool(question and question(f"upload {_sum(found)} to {found.target}?"))


def _lines(found: Offer) -> Iterator[str]:
    """A line a file."""
    width = max(len(name) for name in found.files)
    for row in found.rows:
        yield f"  {row['name']:<{width}}  {shown(row['bytes']):>7}  {row['sha256'][:12]}{STATES[row['state']]}"


def _sum(found: Offer) -> str:
    from lorabuild.cli.lines import counted

    size = shown(sum(map(len, found.coming.values())))
    others = f", {len(found.replaced)} in place of different files" if found.replaced else ""
    return f"{counted(len(found.coming), 'file')} ({size}{others})"


def _end(found: Offer, where: str) -> str:
    if where:
        return f"uploaded {_sum(found)}: {where}"
    if not found.target:
        return "nothing was uploaded: say where, as `--to hub:owner/name`, `--to FOLDER` or `--to s3://bucket/loras`"
    return f"nothing was uploaded: `--yes` uploads {_sum(found)}" if found.coming else "all of it is there"
