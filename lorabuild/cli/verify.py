"""``lorabuild verify``: build aside from the inputs alone, with nothing reused, and compare the bytes with lora.lock.

Bytes are compared where the lock was made on the same kind of machine; elsewhere what is exact is. Exit 0 when all that
is promised came out again, 3 when something differs. It takes as long as a build of everything; `--stage` ends sooner.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lorabuild.cli.options import as_json, described, of_project, opened, source_date
from lorabuild.cli.targets import stage_named

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from lorabuild.core.events import Event


def add(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "verify", parents=[of_project()], help="build again aside and compare the bytes", description=described(__doc__)
    )
    parser.add_argument("--stage", type=stage_named, help="build aside up to this stage only (default: package)")
    parser.add_argument("--keep", action="store_true", help="leave what was built aside, in .lorabuild/verify")
    parser.add_argument("--store", action="store_true", help="instead, read every blob of the store and compare it")
    parser.add_argument("--repair", action="store_true", help="with --store: put bad blobs aside; a build mends them")
    parser.add_argument("--no-wait", action="store_true", help="fail when another one is running, instead of waiting")


def run(args: argparse.Namespace) -> int:
    """Verify; 0 when it is all the same, 3 when it is not."""
    return _store(args) if args.store or args.repair else _build(args)


def _build(args: argparse.Namespace) -> int:
    from lorabuild.cli.faces import face
    from lorabuild.cli.person import person
    from lorabuild.graph.verify import verify
    from lorabuild.graph.wishes import Wishes

    loaded = opened(args)
    wishes = Wishes(targets=(args.stage or "package",), wait=not args.no_wait, date=source_date(), person=person())
    with face(args, loaded.project) as emit:
        found = verify(loaded, wishes, emit, keep=args.keep)
    _tell(args, found, _lines(found))
    return 0 if found["ok"] else 3


def _tell(args: argparse.Namespace, found: dict[str, Any], lines: Iterator[str]) -> None:
    if as_json(args):
        print(json.dumps({"event": "done", **found}, ensure_ascii=False))
    else:
        print("\n".join(lines))


def _lines(found: dict[str, Any]) -> Iterator[str]:
    """The outcome first, then what differs."""
    from lorabuild.cli.lines import counted

    compared = sum(stage["compared"] for stage in found["stages"])
    yield "the same came out again" if found["ok"] else "something else came out"
    if not found["bytes_compared"]:
        yield f"  bytes are not compared with the lock: {found['why']}"
    yield f"  {counted(compared, 'result')} compared with those in the store"
    for stage in found["stages"]:
        if stage["differ"]:
            first = " (the first that differs)" if stage["stage"] == found["first"] else ""
            named = ", ".join(stage["differ"][:5]) + (" …" if len(stage["differ"]) > 5 else "")
            yield f"  {stage['stage']}{first}: {len(stage['differ'])} of {stage['compared']} differ: {named}"
    for output in found["outputs"]:
        same = output["locked"] == output["made"]
        locked, made = ((output[side] or "nothing")[:12] for side in ("locked", "made"))
        yield f"  {output['path']}  {locked}" + ("" if same else f" in the lock, {made} now")


def _store(args: argparse.Namespace) -> int:
    from lorabuild.graph.session import STORE
    from lorabuild.graph.sweep import verify_store

    found = verify_store(Path(getattr(args, "folder", ".")) / STORE, _note, repair=args.repair)
    _tell(args, found, _store_lines(found))
    return 0 if found["ok"] else 3


def _note(event: Event) -> None:
    if event.kind in ("note", "warning"):
        print(event.data["text"], file=sys.stderr, flush=True)


def _store_lines(found: dict[str, Any]) -> Iterator[str]:
    from lorabuild.cli.lines import counted

    blobs = f"{counted(found['blobs'], 'blob')}, {found['bytes'] / 1e6:,.1f} MB"
    yield f"{blobs}: " + ("all are what their names say" if found["ok"] else "not all is well")
    for bad in found["bad"]:
        yield f"  {bad['digest']} {bad['why']}" + (f" (of {', '.join(map(str, bad['of']))})" if bad["of"] else "")
    if found["database"]:
        yield f"  state.db: {found['database']}"
    if not found["ok"]:
        yield f"  {'put' if found['repaired'] else '`--repair` puts it'} aside; the next build makes it again"
