"""``lorabuild diff [REV] [REV2]``: what changed, in words: images, captions, settings, models, repeats, the result.

REV is a git revision or a build of `lorabuild history`: `#3` is build 3, and so is `3` where there is a build of that
number. Without REV2 it is compared with the lock that lies here; without REV, the last commit (HEAD) is. Exit 0 when
all is the same, 3 when something differs.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lorabuild.cli.options import as_json, common, described, project_folder

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

UNSAID = {"images": "images and captions", "outputs": "result", "record": "what it was made on"}


def add(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "diff", parents=[common()], help="what changed since a commit or a build", description=described(__doc__)
    )
    parser.add_argument("revisions", nargs="*", metavar="REV", help="git revision or build (`#3`); at most two")


def run(args: argparse.Namespace) -> int:
    """Print the differences."""
    from lorabuild.core.errors import ProjectError
    from lorabuild.graph.difference import difference
    from lorabuild.graph.revisions import pair

    if len(args.revisions) > 2:
        raise ProjectError(
            "two things are compared, not more", where="command line", next_step="`lorabuild diff --help`"
        )
    found = difference(*pair(project_folder(args), args.revisions))
    print(json.dumps(found, ensure_ascii=False) if as_json(args) else "\n".join(_lines(found)))
    return 0 if found["equal"] else 3


def _lines(found: dict[str, Any]) -> Iterator[str]:
    if found["equal"]:
        yield f"{found['then']} and {found['now']} are the same"
        return
    yield f"from {found['then']} to {found['now']}:"
    told = False
    for title, lines in _sections(found):
        if lines:
            told = True
            yield from ("", title, *(f"  {line}" for line in lines))
    if not told:
        yield f"  nothing that is learned; the keys of {', '.join(found['keys']) or 'no stage'} differ"
    if found["unsaid"]:
        yield f"\nnot told by both: {', '.join(UNSAID.get(name, name) for name in found['unsaid'])}"


def _sections(found: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Titles with their lines, the result last."""
    images = found["images"]
    yield (
        "images",
        [
            *(f"+ {entry['path']}" for entry in images["added"]),
            *(f"− {entry['path']}" for entry in images["removed"]),
            *(f"~ {entry['path']} was edited" for entry in images["edited"]),
            *(f"→ {entry['then']} is now {entry['now']}" for entry in images["renamed"]),
        ],
    )
    yield "captions", [f"{entry['path']}: {_caption(entry['words'])}" for entry in found["captions"]]
    yield "concepts", [_concept(entry) for entry in found["concepts"]]
    yield "settings", [_change(entry["name"], entry) for entry in found["settings"]]
    yield "models", [_model(entry) for entry in found["models"]]
    yield "lorabuild", [_change(entry["name"], entry) for entry in found["versions"]]
    yield "made on", [_change(f"{entry['stage']}: {entry['name']}", entry) for entry in found["record"]]
    yield "result", [_change(entry["name"], entry) for entry in found["result"]]


def _caption(words: list[list[str]]) -> str:
    """The tags, those that came and went marked; a caption may have no tag at all."""
    return ", ".join(f"{'−' if mark == '-' else mark}{tag}" for mark, tag in words)


def _concept(entry: dict[str, Any]) -> str:
    then, now = entry["then"] or {}, entry["now"] or {}
    if not then or not now:
        return f"{entry['name']} {'is new' if now else 'is gone'}: {(then or now)['images']} images"
    sides = {name: {"then": then.get(name), "now": now.get(name)} for name in now if then.get(name) != now.get(name)}
    return f"{entry['name']}: " + ", ".join(_change(name, side) for name, side in sides.items())


def _model(entry: dict[str, Any]) -> str:
    """A part that has another digest was replaced; source and revision are said."""
    part = entry["name"].removeprefix("part ")
    if part == entry["name"]:
        return _change(f"{entry['model']} {part}", entry)
    what = "is new" if not entry["then"] else "is gone" if not entry["now"] else "was replaced"
    return f"{entry['model']}: {part} {what}"


def _change(name: str, entry: dict[str, Any]) -> str:
    from lorabuild.graph.explain import shown

    then, now = entry["then"], entry["now"]
    return f"{name} {_short(then, shown(then))} → {_short(now, shown(now))}"


def _short(value: Any, text: str) -> str:
    """A sha256 is told by its first 12 digits."""
    is_sha = isinstance(value, str) and len(value) == 64 and set(value) <= set("0123456789abcdef")
    return text[:12] if is_sha else text
