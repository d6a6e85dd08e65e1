"""``lorabuild triggers``: which trigger will learn what, said before training; ``suggest WORD`` names free words."""

from __future__ import annotations

import json
import sys
from shutil import get_terminal_size
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from lorabuild.cli.options import as_json, described, of_project, opened, source_date
from lorabuild.core.errors import ProjectError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

WIDTH = 80
MOST_TAGS, MOST_ROWS = 12, 20
BAR = 24
ABSORBS, CLEAN, HAND = "absorbs", "kept out", "by hand"


def add(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "triggers", parents=[of_project()], help="which trigger will learn what", description=described(__doc__)
    )
    parser.add_argument("action", nargs="?", metavar="suggest", help="name free words near WORD")
    parser.add_argument("word", nargs="?", metavar="WORD", help="the word you have in mind")
    parser.add_argument("--probe", action="store_true", help="ask the base model how much it already knows the words")


def run(args: argparse.Namespace) -> int:
    """Print what every trigger absorbs and what to look twice at, or free words; 0 always."""
    from lorabuild.graph.session import viewing

    if args.action not in (None, "suggest"):
        near = f"`lorabuild triggers suggest {args.word or args.action}` names free words"
        raise ProjectError(
            f"`{args.action}` says nothing here",
            where="command line",
            next_step=f"`lorabuild triggers` tells of all triggers; {near}",
        )
    if (args.action is None) != (args.word is None):
        raise ProjectError("no word was given", where="command line", next_step="`lorabuild triggers suggest zorbl`")
    with viewing(opened(args), source_date()) as view:
        if args.word is not None:
            from lorabuild.graph.lexicon import suggest

            return _suggested(suggest(view, args.word), as_json=as_json(args))
        from lorabuild.graph.algebra import told

        found, name = told(view, probe=args.probe).as_dict(), view.project.name
    if as_json(args):
        print(json.dumps(found, ensure_ascii=False))
    else:
        width = min(get_terminal_size().columns, 110) if sys.stdout.isatty() else WIDTH
        print("\n".join(_lines(name, found, width, every=getattr(args, "verbose", False))))
    return 0


def _suggested(words: list[str], *, as_json: bool) -> int:
    print(json.dumps({"words": words}, ensure_ascii=False) if as_json else "\n".join(words))
    return 0


def _lines(name: str, found: dict[str, Any], width: int, *, every: bool) -> Iterator[str]:
    """Which stand together, then a block a trigger; ``every`` shows all tags, and nothing is said twice."""
    from lorabuild.cli.lines import counted

    if not found["triggers"]:
        yield f"{name} has no triggers: `triggers:` in lora.yaml names the new words that it learns"
        return
    number = sum(1 for row in found["triggers"] for finding in row["findings"] if finding["remedy"])
    told = counted(number, "finding") if number else "nothing to look twice at"
    yield f"{name}: {counted(len(found['triggers']), 'trigger')}, {told}"
    if found["waiting"]:
        images = counted(found["waiting"], "image")
        yield from _wrapped(
            f"{images} without an up-to-date caption: `lorabuild build caption` writes them; until then "
            "their tags are not counted here",
            width,
            "  ",
        )
    yield from (line for note in found["notes"] for line in _wrapped(note, width, "  "))
    yield from ("", *_together(found["together"], width, every=every))
    said: dict[str, str] = {}
    nothing = "not known before they are captioned" if found["waiting"] else "nothing"
    for row in found["triggers"]:
        yield from ("", *_block({"nothing": nothing, **row}, width, said, every=every))


def _together(found: list[dict[str, Any]], width: int, *, every: bool) -> Iterator[str]:
    """``zorbl + zorbl_cape  16 images  ████``."""
    rows = found if every else found[:MOST_ROWS]
    names = [" + ".join(row["triggers"]) or "(no trigger)" for row in rows]
    wide = min(max(map(len, names), default=0), width - BAR - 19)
    most = max((row["images"] for row in rows), default=1)
    for name, row in zip(names, rows, strict=True):
        first, *rest = wrap(name, wide, subsequent_indent="  ")
        noun = "image" if row["images"] == 1 else "images"
        bar = "█" * max(1, round(BAR * row["images"] / most))
        yield f"  {first:<{wide}}  {row['images']:>6} {noun:<6}  {bar}".rstrip()
        yield from (f"  {line}" for line in rest)
    if len(rows) < len(found):
        yield f"  and {len(found) - len(rows)} more (-v)"


def _block(row: dict[str, Any], width: int, said: dict[str, str], *, every: bool) -> Iterator[str]:
    from lorabuild.cli.lines import counted

    seen = f"seen {row['per_epoch']}× an epoch, {row['total']}× in all"
    yield from _wrapped(f"{row['name']} · {row['kind']} · {counted(row['images'], 'image')} · {seen}", width, "", "  ")
    absorbed = [f"{one['tag']} {_percent(one['share'])}" for one in row["absorbs"]]
    yield from _labelled(ABSORBS, _shown(absorbed, every=every) or row["nothing"], width)
    clean = [f"{one['tag']} (said in {', '.join(one['concepts'])})" for one in row["clean"]]
    yield from _labelled(CLEAN, _shown(clean, every=every), width) if clean else ()
    if row["by_hand"]:
        yield from _labelled(HAND, f"{counted(row['by_hand'], 'caption')} (what is left out there is not known)", width)
    for finding in row["findings"]:
        yield from _finding(row["name"], finding, width, said)


def _finding(trigger: str, finding: dict[str, Any], width: int, said: dict[str, str]) -> Iterator[str]:
    """Code, text, remedy; a remedy that was told before is not told again. What has none is only a note."""
    mark = "!" if finding["remedy"] else "·"
    yield from _wrapped(f"{mark} {finding['code']}: {finding['text']}", width, "  ", "    ")
    advice, *yaml = finding["remedy"].splitlines() or [""]
    before = said.get(finding["remedy"])
    said.setdefault(finding["remedy"], trigger)
    if advice and before:
        advice, yaml = "as above" if before == trigger else f"as for {before}", []
    yield from _wrapped(f"→ {advice}", width, "    ", "      ") if advice else ()
    yield from (f"        {line}" for line in yaml)


def _labelled(label: str, text: str, width: int) -> Iterable[str]:
    return _wrapped(f"{label:<9} {text}", width, "  ", " " * 12)


def _shown(parts: list[str], *, every: bool) -> str:
    more = len(parts) - MOST_TAGS
    return ", ".join(parts if every or more < 2 else [*parts[:MOST_TAGS], f"and {more} more (-v)"])


def _wrapped(text: str, width: int, indent: str, following: str | None = None) -> Iterable[str]:
    from lorabuild.core.trouble import printable

    following = indent if following is None else following
    lines = wrap(
        printable(text).replace(" %", "\N{NO-BREAK SPACE}%"),
        width,
        initial_indent=indent,
        subsequent_indent=following,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace("\N{NO-BREAK SPACE}%", " %") for line in lines]


def _percent(share: float) -> str:
    from lorabuild.balance.sets import percent

    return percent(share)
