"""The faces of a build: JSON lines for programs, plain lines for logs, bars and tables on a terminal."""

from __future__ import annotations

import json
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lorabuild.cli import lines
from lorabuild.cli.pace import Pace

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from lorabuild.core.events import Emit, Event
    from lorabuild.schema.project import Project

QUIET = ("aside", "warning")
EVERY, GROWTH = 5.0, 0.05  # seconds between two lines of progress; a long stage speaks less often


@contextmanager
def face(args: argparse.Namespace, project: Project) -> Iterator[Emit]:
    """The sink for a build's events, chosen by the command line and by what stderr is."""
    folder, verbose = Path(getattr(args, "folder", ".")), getattr(args, "verbose", False)
    if getattr(args, "json", False):
        yield json_line
    elif getattr(args, "quiet", False):
        yield Plain(project, folder, only=QUIET)
    elif sys.stderr.isatty():
        from lorabuild.cli.terminal import Terminal

        with Terminal(project, folder, verbose=verbose) as terminal:
            yield terminal
    else:
        yield Plain(project, folder, verbose=verbose)


def json_line(event: Event) -> None:
    """One JSON object a line on stdout."""
    stage = {"stage": event.stage} if event.stage else {}
    print(json.dumps({"event": event.kind, **stage, **event.data}, ensure_ascii=False), flush=True)


class Plain:
    """One line a stage on stderr, two for a long one, and progress now and then. For logs, pipes and CI."""

    def __init__(
        self,
        project: Project,
        folder: Path = Path(),
        *,
        only: tuple[str, ...] = (),
        verbose: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.project, self.folder, self.only, self.verbose = project, folder, only, verbose
        self.clock, self.pace = clock, Pace(clock)
        self.begun = self.last = 0.0
        self.why = ""

    def __call__(self, event: Event) -> None:
        """Print what is worth a line."""
        event = self.pace(event)
        show = getattr(self, f"_{event.kind}", None)
        if show and (not self.only or event.kind in self.only):
            show(event)

    def _say(self, stage: str, text: str) -> None:
        print(f"{stage:<9} {text}" if stage else text, file=sys.stderr, flush=True)

    def _stage(self, event: Event) -> None:
        self.begun = self.last = self.clock()
        self.why = lines.reason(event.data["reasons"])
        if self.verbose:
            for entry in event.data["reasons"]:
                self._say(event.stage, f"{entry['item']}: {entry['why']}")

    def _progress(self, event: Event) -> None:
        now = self.clock()
        if now - self.last >= max(EVERY, GROWTH * (now - self.begun)):
            self.last = now
            self._say(event.stage, lines.progress(event.data))

    def _stage_done(self, event: Event) -> None:
        if not lines.has_items(event.data):
            return
        seconds = lines.took(event.data["seconds"]) if event.data["ran"] else ""
        said = lines.outcome(event.data) + (f" in {seconds}" if seconds else "")
        self._say(event.stage, f"{said} – {self.why}" if event.data["ran"] and self.why else said)

    def _aside(self, event: Event) -> None:
        self._say("", f"set aside: {lines.set_aside(event.data)}")

    def _warning(self, event: Event) -> None:
        self._say("", f"warning: {lines.warning(event.data)}")

    def _note(self, event: Event) -> None:
        if self.verbose or event.data.get("code") != "wrote":
            self._say("", event.data["text"])

    def _table(self, event: Event) -> None:
        self._say("", "\n".join(lines.table_lines(event.data)))

    def _done(self, event: Event) -> None:
        self._say("", "\n".join(lines.closing(event.data, self.project, self.folder)))
