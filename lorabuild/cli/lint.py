"""``lorabuild lint``: everything to look twice at before training, with what to do about it.

Images are read and measured where they weren't before; captions are judged as far as they were written. A finding
without advice is only a note. ``--strict`` ends with 3 where there is any with advice.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from lorabuild.cli.options import as_json, described, of_project, opened, source_date
from lorabuild.core.words import names

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lorabuild.balance.findings import Finding

SHOWN = 10


def add(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "lint",
        parents=[of_project()],
        help="what to look twice at before training",
        description=described(__doc__),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--strict", action="store_true", help="end with 3 where something is found")


def run(args: argparse.Namespace) -> int:
    """Print the findings; 3 with ``--strict`` where one of them asks for something."""
    from lorabuild.graph.linting import linted

    loaded = opened(args)
    found, waiting = linted(loaded, source_date())
    grave = sum(1 for one in found if one.remedy)
    if as_json(args):
        told = {"findings": [one.as_dict() for one in found], "waiting": waiting}
        print(json.dumps(told, ensure_ascii=False))
    else:
        print("\n".join(_lines(loaded.project.name, found, waiting, every=getattr(args, "verbose", False))))
    return 3 if args.strict and grave else 0


def _lines(name: str, found: Sequence[Finding], waiting: int, *, every: bool) -> Iterator[str]:
    """A block a code, the worst first; in it those together that have the same advice."""
    from lorabuild.cli.lines import counted, fitted
    from lorabuild.core.trouble import printable

    grave = sum(1 for one in found if one.remedy)
    notes = f", {counted(len(found) - grave, 'note')}" if len(found) > grave else ""
    yield f"{name}: {counted(grave, 'finding') if grave else 'nothing to look twice at'}{notes}"
    if waiting:
        yield f"  {counted(waiting, 'image')} without an up-to-date caption: `lorabuild build caption` writes them"
    counts = Counter(one.code for one in found)
    for code in counts:
        own = _together([one for one in found if one.code == code])
        yield ""
        yield f"{code} ({counts[code]})"
        for place, one in enumerate(own if every else own[:SHOWN]):
            about = "" if names(one.text, one.item) else f"{one.item}: "
            yield from fitted([f"  {printable(about + one.text)}"])
            if one.remedy and (place + 1 == len(own[:SHOWN]) or own[place + 1].remedy != one.remedy):
                first, *yaml = one.remedy.splitlines()
                yield from fitted([f"    → {printable(first)}"])
                yield from (f"        {line}" for line in yaml)
        if len(own) > SHOWN and not every:
            yield f"  and {len(own) - SHOWN} more (-v)"


def _together(found: Sequence[Finding]) -> list[Finding]:
    """By their advice, in the order in which each comes first; what says the same of several is said once."""
    places: dict[str, int] = {}
    for one in found:
        places.setdefault(one.remedy, len(places))
    told = {(one.text, "" if names(one.text, one.item) else one.item): one for one in found}
    return sorted(told.values(), key=lambda one: places[one.remedy])
