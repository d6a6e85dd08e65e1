"""``lorabuild report``: where the page about the last build lies; ``--open`` shows it, ``--serve`` shows it live.

Served, it follows a build while it runs, in whatever process: stage, progress, loss so far, newest samples. It is
served to this machine only; ``--host`` with another address puts a token into the page's own.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from lorabuild.cli.options import as_json, described, of_project, opened, source_date
from lorabuild.core.errors import ProjectError

if TYPE_CHECKING:
    from pathlib import Path

    from lorabuild.schema.loaded import Loaded


def add(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "report",
        parents=[of_project()],
        help="where the report lies; open it, or serve it live",
        description=described(__doc__),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--open", action="store_true", help="show it in the browser")
    parser.add_argument("--serve", action="store_true", help="serve it on this machine, live while a build runs")
    parser.add_argument("--port", type=int, metavar="N", help="where to serve it (default: 8642, or any that is free)")
    parser.add_argument("--host", metavar="ADDRESS", help="serve it on another address, with a token in the page's")


def run(args: argparse.Namespace) -> int:
    """Print where it lies; or serve it until it is interrupted."""
    loaded = opened(args)
    if args.serve:
        try:
            _serve(args, loaded)
        except KeyboardInterrupt as end:
            end.args = ("the page is no longer served",)
            raise
    if args.port is not None or args.host is not None:
        raise ProjectError(
            "`--port` and `--host` say where the page is served",
            where="command line",
            next_step="say `--serve`, too",
        )
    paths, current = _reports(loaded)
    if not paths:
        raise ProjectError(
            "there is no report yet",
            where=str(loaded.site.root),
            next_step="`lorabuild` builds it; `lorabuild report --serve` shows meanwhile how far it is",
        )
    names = [str(path) for path in paths]
    print(json.dumps({"reports": names, "current": current}, ensure_ascii=False) if as_json(args) else "\n".join(names))
    if not current:
        print("the project has changed since; `lorabuild` brings the report up to date", file=sys.stderr)
    if args.open:
        browse(paths[0].as_uri())
    return 0


def _serve(args: argparse.Namespace, loaded: Loaded) -> NoReturn:
    """Serve until interrupted."""
    import time

    from lorabuild.graph.live import Live
    from lorabuild.graph.serve import LOOPBACK, serving

    with serving(Live(lambda: loaded), args.host or LOOPBACK, args.port) as server:
        print(json.dumps({"address": server.address}) if as_json(args) else server.address, flush=True)
        if not getattr(args, "quiet", False):
            print("serving until Ctrl-C", file=sys.stderr, flush=True)
        if args.open:
            browse(server.address)
        while True:
            time.sleep(3600)  # unlike a lock, interrupted at once on every system


def _reports(loaded: Loaded) -> tuple[list[Path], bool]:
    """The pages that lie in the output folder, the project's first; whether they are what a build would hand out."""
    from lorabuild.graph.live import REPORT
    from lorabuild.graph.order import STAGES
    from lorabuild.graph.session import viewing
    from lorabuild.graph.variants import file_name

    with viewing(loaded, source_date()) as view:
        paths = [one.site.path(one.project.output.folder) / file_name(one, REPORT) for one in view.all()]
        current = all(one.step(stage).clean for one in view.all() for stage in STAGES)
    return [path.absolute() for path in paths if path.is_file()], current


def browse(address: str) -> None:
    """Show an address in the person's browser; say where it is where there is none."""
    import webbrowser

    if not webbrowser.open(address):
        print(f"no browser could be opened; the page is at {address}", file=sys.stderr)
