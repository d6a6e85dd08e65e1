"""``lorabuild doctor``: look for what could stop a build – versions, devices, disks, locks, the project.

Exit 0 when nothing would, 1 when something would. Works outside a project as well.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lorabuild.cli.options import as_json, described, of_project, opened

if TYPE_CHECKING:
    import argparse

MARKS = {"ok": "ok", "note": "note", "problem": "PROBLEM"}


def add(subparsers: Any) -> None:
    """Register the command."""
    subparsers.add_parser(
        "doctor", parents=[of_project()], help="what could stop a build", description=described(__doc__)
    )


def run(args: argparse.Namespace) -> int:
    """Print what was found; with ``-q`` only what is not as it should be."""
    from lorabuild.graph.doctor import doctor

    found = doctor(Path(getattr(args, "folder", ".")), lambda: opened(args))
    if as_json(args):
        print(json.dumps(found, ensure_ascii=False))
    else:
        print("\n".join(_lines(found, quiet=getattr(args, "quiet", False))))
    return 0 if found["ok"] else 1


def _lines(found: dict[str, Any], *, quiet: bool) -> list[str]:
    """A paragraph for each thing that was looked at, then the sum."""
    lines: list[str] = []
    about = ""
    for entry in found["findings"]:
        if quiet and entry["level"] == "ok":
            continue
        if entry["about"] != about:
            about = entry["about"]
            lines += ["", about] if lines else [about]
        lines += _wrapped(entry)
    return [*lines, *([""] if lines else []), _sum(found["findings"])]


def _wrapped(entry: dict[str, str]) -> list[str]:
    """A finding as wide as the terminal, its next step below it."""
    from shutil import get_terminal_size
    from textwrap import wrap

    width = max(40, min(get_terminal_size((100, 30)).columns, 120))
    head = f"  {MARKS[entry['level']]:<8}"
    text = wrap(entry["text"], width, initial_indent=head, subsequent_indent=" " * len(head), break_long_words=False)
    step = f"→ {entry['next_step']}"
    hint = wrap(step, width, initial_indent=" " * len(head), subsequent_indent=" " * (len(head) + 2))
    return text + (hint if entry["next_step"] else [])


def _sum(findings: list[dict[str, str]]) -> str:
    from lorabuild.cli.lines import counted

    problems = sum(1 for entry in findings if entry["level"] == "problem")
    notes = sum(1 for entry in findings if entry["level"] == "note")
    left = f"{counted(notes, 'note')}" if notes else "no notes"
    return f"{counted(problems, 'problem')}, {left}" if problems else f"nothing stops a build; {left}"
