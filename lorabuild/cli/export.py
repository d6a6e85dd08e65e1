"""``lorabuild export kohya|imagefolder DIR``: images, captions, masks and repeats as other trainers expect them.

kohya: `img/6_name class` folders with .txt captions, `reg`, masks, dataset.toml and config.toml with the equal
settings. imagefolder: folders of images with a metadata.jsonl (file_name, text). Captions are those that are trained.
No file is replaced; it says what has no equivalent there.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lorabuild.cli.lines import counted
from lorabuild.cli.options import as_json, described, of_project, project_folder, said_here
from lorabuild.core.trouble import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.graph.exporting import Export

SHOWN = 20


def add(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "export",
        parents=[of_project()],
        help="images, captions and settings for other trainers",
        description=described(__doc__),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("form", choices=("kohya", "imagefolder"), help="for whom")
    parser.add_argument("to", metavar="DIR", help="a new folder")
    parser.add_argument(
        "--images",
        choices=("original", "prepared"),
        default="original",
        help="as they lie there (default), or as they are trained on: upright, sRGB, flattened, masks as alpha",
    )
    parser.add_argument("--dry-run", action="store_true", help="only list what would be written")


def run(args: argparse.Namespace) -> int:
    """Work out the files, write them, say what stayed behind."""
    from lorabuild.graph import exported_forms
    from lorabuild.graph.exporting import put
    from lorabuild.graph.session import viewing
    from lorabuild.schema.check import check
    from lorabuild.schema.load import load
    from lorabuild.schema.loaded import FILE

    loaded = load(
        project_folder(args) / FILE, said_here(args)
    )  # with the records of its words, which `opened` may lack
    check(loaded)
    to, originals = Path(args.to), args.images == "original"
    with viewing(loaded) as view:
        if args.form == "kohya":
            export = exported_forms.kohya(view, to, originals=originals)
        else:
            export = exported_forms.imagefolder(view, originals=originals)
        if not args.dry_run:
            put(export, to, view)
    if as_json(args):
        found = {"folder": str(to), "files": sorted(export.files), "written": not args.dry_run}
        print(json.dumps({**found, "notes": export.notes, "left": export.left}, ensure_ascii=False))
        return 0
    print("\n".join(map(printable, _lines(export, to, dry_run=args.dry_run))))
    for note in export.notes:
        print(f"note: {printable(note)}", file=sys.stderr)
    return 0


def _lines(export: Export, to: Path, *, dry_run: bool) -> Iterator[str]:
    for concept, images, repeats in export.counts:
        yield f"  {concept}: {counted(images, 'image')} × {repeats}"
    if export.left:
        yield "has no equivalent there"
        width = max(map(len, export.left))
        yield from (f"  {word:<{width}}  {why}" for word, why in export.left.items())
    if dry_run:
        names = sorted(export.files)
        yield from (f"  {to / name}" for name in names[:SHOWN])
        yield f"  and {len(names) - SHOWN} more" if len(names) > SHOWN else "nothing was written"
    else:
        yield f"wrote {counted(len(export.files), 'file')} to {to}"
