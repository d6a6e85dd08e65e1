"""``lorabuild tags``: how often every tag stands in the captions; whose images; and rules that change it.

``tags "cape and not night"`` counts only the images of a filter, ``--images FILTER`` lists them with their captions.
``tags rename OLD NEW``, ``tags drop PATTERN`` and ``tags add TAG`` show the rule that lora.yaml would get; ``--write``
writes it and keeps the old text as ``lora.yaml.bak``, ``.bak1``, …. ``--mirror`` writes every caption to
``captions/<image>.txt``; a person's edit there counts as if it stood beside the image, and is never overwritten.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from lorabuild.cli.lines import counted, cut
from lorabuild.cli.options import as_json, described, of_project, opened, project_folder, source_date
from lorabuild.core.errors import ProjectError
from lorabuild.core.trouble import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lorabuild.graph.rules import Change

WIDTH = 80
TOP = 40
ACTIONS = {"rename": 2, "drop": 1, "add": 1}
TOLD = {
    "edited": "edited by hand, overrides from now on",
    "covered": "edited by hand, but a text beside the image wins: delete one of the two",
    "foreign": "here before the mirror, neither read nor written",
    "lost": "edited by hand, but the image is gone",
    "removed": "removed with the image",
}


def add(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "tags",
        parents=[of_project()],
        help="how often tags stand in captions; rules for them",
        description=described(__doc__),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("words", nargs="*", metavar="FILTER", help="a filter; or rename, drop, add with tags")
    parser.add_argument("--images", action="store_true", help="list the images that the filter takes")
    parser.add_argument("--concept", metavar="NAME", help="only images of this concept")
    parser.add_argument("--match", metavar="GLOB", help="with rename, drop, add: only images whose paths match")
    parser.add_argument("--raw", action="store_true", help="what the tagger saw, before all rules")
    parser.add_argument("--all", action="store_true", help=f"every tag, not only the {TOP} commonest")
    parser.add_argument("--write", action="store_true", help="with rename, drop, add: change lora.yaml")
    parser.add_argument("--mirror", action="store_true", help="write every caption to captions/<image>.txt")


def run(args: argparse.Namespace) -> int:
    """Print the table, the images, the change, or what was mirrored."""
    action = args.words[0] if args.words and args.words[0] in ACTIONS else None
    _refuse_mixture(args, action)
    if action:
        return _change(args)
    from lorabuild.graph import tags
    from lorabuild.graph.session import viewing

    wanted = " ".join(args.words)
    with viewing(opened(args), source_date()) as view:
        if args.mirror:
            found = tags.write_mirror(view, lambda text: print(text, file=sys.stderr))
            lines = [*_mirrored(found)]
        elif args.images:
            found = tags.images(view, wanted, concept=args.concept, raw=args.raw)
            lines = [*_images(found)]
        else:
            found = tags.tags(view, wanted, concept=args.concept, raw=args.raw)
            lines = [*_table(found, everything=args.all)]
    lines += _waiting(found)
    print(json.dumps(found, ensure_ascii=False) if as_json(args) else "\n".join(map(printable, lines)))
    return 0


def _refuse_mixture(args: argparse.Namespace, action: str | None) -> None:
    """Options that say nothing together."""
    if action and len(args.words) != 1 + ACTIONS[action]:
        usage = {"rename": "rename OLD NEW", "drop": "drop PATTERN", "add": "add TAG"}[action]
        hint = f"`lorabuild tags {usage} --write`; tags of several words stand in quotes"
        raise ProjectError(
            f"`tags {action}` takes {counted(ACTIONS[action], 'tag')}", where="command line", next_step=hint
        )
    idle = ["images", "raw", "all", "mirror"] if action else ["match", "write"]
    idle += ["images", "raw", "all", "concept", "words"] if args.mirror and not action else []
    for name in idle:
        if getattr(args, name):
            said = "a filter" if name == "words" else f"`--{name}`"
            about = f"tags {action}" if action else "tags --mirror" if args.mirror else "tags"
            hint = "`lorabuild tags --help` shows what goes together"
            raise ProjectError(f"{said} says nothing to `{about}`", where="command line", next_step=hint)


def _change(args: argparse.Namespace) -> int:
    """A rule more, shown or written."""
    from lorabuild.graph.rules import changed

    change = changed(project_folder(args) / "lora.yaml", args.words, concept=args.concept, match=args.match)
    diff = change.diff
    backup = change.write().name if diff and args.write else None
    if as_json(args):
        print(json.dumps({"diff": diff, "written": backup is not None, "backup": backup}, ensure_ascii=False))
    else:
        print("\n".join([*map(printable, diff), *_outcome(change, diff, backup)]))
    return 0


def _outcome(change: Change, diff: Sequence[str], backup: str | None) -> list[str]:
    if not diff:
        return [f"{change.file.name} says so already"]
    return [f"written; the old text is {backup}"] if backup else ["nothing was changed; `--write` writes it"]


def _table(found: dict[str, Any], *, everything: bool) -> Iterator[str]:
    """A line a tag: count, share, name, and its concepts where there are several."""
    rows = found["tags"] if everything else found["tags"][:TOP]
    several = len({concept for row in found["tags"] for concept in row["concepts"]}) > 1
    where = "seen by the tagger" if found["raw"] else "in the captions"
    some = (
        counted(found["images"], "image")
        if found["images"] == found["of"]
        else f"{found['images']} of {found['of']} images"
    )
    yield f"{counted(len(found['tags']), 'tag')} {where} of {some}"
    for row in rows:
        concepts = ", ".join(f"{name} {count}" for name, count in row["concepts"].items()) if several else ""
        yield cut(f"{row['images']:>7} {row['share']:>5.0%}  {row['tag']:<30}  {concepts}".rstrip(), WIDTH)
    if len(rows) < len(found["tags"]):
        yield f"and {counted(len(found['tags']) - len(rows), 'rarer tag')}: `--all` lists them"


def _images(found: dict[str, Any]) -> Iterator[str]:
    """Every image with its words below."""
    yield f"{len(found['images'])} of {counted(found['of'], 'image')}"
    for row in found["images"]:
        words = ", ".join(row["tags"]) if found["raw"] else row["caption"]
        yield from (row["image"], f"    {words}")


def _mirrored(found: dict[str, Any]) -> Iterator[str]:
    """What became of the files in the mirror."""
    yield f"captions/: {counted(len(found['written']), 'text')} written, {len(found['same'])} up to date"
    for what, told in TOLD.items():
        if found[what]:
            yield f"{told}:"
            yield from (f"  captions/{name}.txt" for name in found[what])


def _waiting(found: dict[str, Any]) -> list[str]:
    """Images of which nothing is known yet, or no more."""
    if not found.get("waiting"):
        return []
    return [f"{counted(found['waiting'], 'image')} without an up-to-date caption: run `lorabuild build caption`"]
