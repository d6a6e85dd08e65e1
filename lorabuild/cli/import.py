"""``lorabuild import kohya``: a lora.yaml from folders and settings of the standard trainer (kohya-ss/sd-scripts).

SOURCE is a folder with `6_name class` folders in it, a dataset or config .toml, a preset of the web GUI (.json), or
several of these together. Images stay where they are, or are copied into the project with `--copy`; nothing is
changed, and no file is replaced. It says of every setting where it went, or why it went nowhere.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lorabuild.cli.lines import counted, cut
from lorabuild.cli.options import as_json, common, described
from lorabuild.core.trouble import printable
from lorabuild.schema.families import FACTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.graph.importing import Imported

WIDTH = 118
_VALUE = 30


def add(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "import",
        parents=[common()],
        help="a lora.yaml from the standard trainer's folders and settings",
        description=described(__doc__),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", choices=("kohya",), help="whose: kohya (sd-scripts and its GUIs)")
    parser.add_argument("sources", nargs="+", metavar="SOURCE", help="folder of images, .toml, .json")
    parser.add_argument("-o", dest="to", metavar="DIR", help="folder of the new project (default: this one)")
    parser.add_argument("--copy", action="store_true", help="copy images and captions into dataset/")
    parser.add_argument("--base", metavar="MODEL", default="", help="base model instead of the one in the settings")
    parser.add_argument("--family", choices=tuple(FACTS), default="", help="family of the base, where it is not told")
    parser.add_argument("--name", default="", help="name of the LoRA (default: as in the settings, or the folder's)")
    parser.add_argument("--dry-run", action="store_true", help="only show what would be written")


def run(args: argparse.Namespace) -> int:
    """Work out the project, write it, say what became of everything."""
    from lorabuild.graph.import_writing import as_dict, write
    from lorabuild.graph.importing import Wishes, imported

    root = Path(getattr(args, "folder", None) or ".") / (args.to or ".")
    wishes = Wishes(base=args.base, family=args.family, name=args.name, copy=args.copy)
    made = imported([Path(source) for source in args.sources], root.absolute(), wishes)
    files = [] if args.dry_run else write(made)
    names = [path.relative_to(made.root).as_posix() for path in files]
    if as_json(args):
        print(json.dumps({**as_dict(made), "yaml": made.text, "files": names}, ensure_ascii=False))
        return 0
    found = as_dict(made)
    if args.dry_run:
        print(made.text)
    print("\n".join(map(printable, [*_folders(found), *_settings(made)])))
    for note in made.notes:
        print(f"note: {printable(note)}", file=sys.stderr)
    if not getattr(args, "quiet", False):
        print(_next(args, names), file=sys.stderr)
    return 0


def _folders(found: dict[str, Any]) -> Iterator[str]:
    """A line a concept, and how many captions are read as they were."""
    width = max(len(one["name"]) for one in found["concepts"])
    for one in found["concepts"]:
        repeats = f" × {one['repeats']}" if one["repeats"] else ""
        yield f"  {one['name']:<{width}}  {counted(one['images'], 'image')}{repeats}  {one['folder']}"
    if found["regularization"]:
        yield f"  {'':<{width}}  {counted(found['regularization'], 'regularization image')}"
    captions, other = found["captions"], found["captions"]["different"]
    same = captions["images"] - len(other)
    yield f"  {same} of {counted(captions['images'], 'caption')} as the standard trainer reads them"
    if other:
        yield f"  others: {cut(', '.join(other), WIDTH - 10)}"


def _settings(made: Imported) -> Iterator[str]:
    """What became of every setting, by its fate."""
    from lorabuild.schema.moving import STATUSES

    for status, title in STATUSES.items():
        rows = [one for one in made.moving.told if one.status == status]
        if not rows:
            continue
        yield f"{title} ({len(rows)})"
        width = min(_VALUE + 20, max(len(_shown(one.key, one.value)) for one in rows))
        yield from (f"  {_shown(one.key, one.value):<{width}}  {one.what}" for one in rows)


def _shown(key: str, value: Any) -> str:
    text = str(value).replace("\n", " ")
    return f"{key}: {cut(text, _VALUE)}" if text else key


def _next(args: argparse.Namespace, names: list[str]) -> str:
    """What was written, and what to do now."""
    if args.dry_run:
        return "nothing was written: leave `--dry-run` out to write it"
    copied = [name for name in names if name.startswith("dataset/")]
    more = f" and {counted(len(copied), 'file')} in dataset/" if copied else ""
    there = getattr(args, "folder", None) or args.to
    where = f" -C {Path(getattr(args, 'folder', None) or '.') / (args.to or '.')}" if there else ""
    told = ", ".join(name for name in names if name not in copied)
    return f"wrote {told}{more}\nlook through lora.yaml, then: lorabuild{where} plan"
