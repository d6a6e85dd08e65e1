"""``lorabuild restore N``: bring the files of build N back. `lorabuild history` lists the builds.

What lies in their place is kept in the history, too. lora.yaml isn't changed: the next `lorabuild` builds from it as it
stands, and its files take the place of these again.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lorabuild.cli.options import as_json, common, described, project_folder

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator


def add(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "restore", parents=[common()], help="bring the files of an earlier build back", description=described(__doc__)
    )
    parser.add_argument("number", type=int, metavar="N", help="number of the build")
    parser.add_argument("--to", metavar="FOLDER", help="put them into this folder (default: where they lay)")
    parser.add_argument("--lock", action="store_true", help="its lora.lock and lora.manifest.tsv, too")


def run(args: argparse.Namespace) -> int:
    """Restore, and say what was done."""
    from lorabuild.graph.restore import restore

    root, to = project_folder(args), Path(args.to).absolute() if args.to else None
    found = restore(root, args.number, to=to, lock=args.lock, say=lambda text: print(text, file=sys.stderr))
    if as_json(args):
        print(json.dumps({"event": "done", "ok": True, **found}, ensure_ascii=False))
    elif not getattr(args, "quiet", False):
        print("\n".join(_lines(found, here=to is None, lock=args.lock)), file=sys.stderr)
    return 0


def _lines(found: dict[str, Any], *, here: bool, lock: bool) -> Iterator[str]:
    number = found["number"]
    yield (
        f"build {number} is back" if any(entry["written"] for entry in found["files"]) else f"build {number} lies there"
    )
    for entry in found["files"]:
        yield f"  {entry['path']}" + ("" if entry["written"] else "  (as it was)")
    if found["kept"]:
        yield f"what lay there belonged to no build; `lorabuild restore {found['kept']}` brings it back"
    if here:
        same = "lora.yaml is" if lock else "lora.yaml, lora.lock and lora.manifest.tsv are"
        yield f"{same} as before: the next `lorabuild` builds from lora.yaml as it stands"
