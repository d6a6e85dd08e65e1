"""The face of a watch: one line a round – when, what changed, what was done, how long it took.

While a round works, it shows what a build shows, without its lines of stages.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console
from rich.text import Text

from lorabuild.cli import lines
from lorabuild.cli.faces import face

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from lorabuild.core.events import Emit, Event
    from lorabuild.schema.project import Project

DID = {
    "scan": "read",
    "prepare": "prepared",
    "tag": "tagged",
    "caption": "captioned",
    "latents": "cached",
    "text": "tokenized",
    "sample": "drawn",
    "balance": "balanced",
    "train": "trained",
    "package": "packaged",
    "report": "reported",
}
ONE = ("balance", "train", "package", "report")
NAMED = 3
LEFT_OUT = ("stage_done", "table")


def did(stages: Mapping[str, Mapping[str, Any]]) -> str:
    """``1 read, prepared, tagged; 2 tokenized; balanced``: what a build did, stages with the same count together."""
    ran = [(stages[stage]["ran"], word) for stage, word in DID.items() if stages.get(stage, {}).get("ran")]
    single = [DID[stage] for stage in ONE if (1, DID[stage]) in ran]
    many = [(count, word) for count, word in ran if word not in single]
    parts = [f"{count} {', '.join(word for _, word in group)}" for count, group in groupby(many, lambda row: row[0])]
    return "; ".join([*parts, *([", ".join(single)] if single else [])])


def shortened(paths: Sequence[str]) -> str:
    """A few paths by name, the others counted; in the folder of the one before it a file's name is enough."""
    shown = []
    for before, path in zip(["", *paths], paths[:NAMED], strict=False):
        folder, _, name = path.rpartition("/")
        shown.append(name if before and before.rpartition("/")[0] == folder else path)
    more = [f"{len(paths) - NAMED} more"] if len(paths) > NAMED else []
    return ", ".join(shown + more)


class Rounds:
    """Prints on stderr; on a terminal in colour, with the bars of a build while it runs."""

    def __init__(self, args: argparse.Namespace, project: Project, console: Console | None = None) -> None:
        self.args, self.project = args, project
        self.folder = Path(getattr(args, "folder", "."))
        self.quiet, self.verbose = getattr(args, "quiet", False), getattr(args, "verbose", False)
        self.console = console or Console(stderr=True, highlight=False)
        self.paths: list[str] = []
        self.inner: Emit | None = None
        self.open = ExitStack()
        self.said, self.saying = set[str](), set[str]()

    def __enter__(self) -> Self:
        """Nothing is shown before the first event."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Leave the terminal as it was."""
        self.open.close()

    def __call__(self, event: Event) -> None:
        """Show one event."""
        show = getattr(self, f"_{event.kind}", None)
        if show:
            show(event)
        elif self.verbose or event.kind not in LEFT_OUT:
            self._pass(event)

    def _line(self, *parts: str | tuple[str, str], whole: bool = False) -> None:
        """One line; on a terminal broken between words, unless it stays ``whole`` to be copied."""
        self.console.print(Text.assemble(*parts), soft_wrap=whole or not self.console.is_terminal)

    def _watch_started(self, event: Event) -> None:
        if not self.quiet:
            places = event.data["places"]
            what = ", ".join(places) if len(places) <= 2 * NAMED else f"{places[0]} and {len(places) - 1} places"
            self._line(("watching ", "bold"), f"{what}, up to {event.data['target']} ", ("– Ctrl-C ends it", "dim"))

    def _change(self, event: Event) -> None:
        self.paths, self.saying = event.data["paths"], set()
        self.inner = self.open.enter_context(face(self.args, self.project))

    def _close(self) -> None:
        """The round is over: its bars go."""
        self.open.close()
        self.inner = None

    def _done(self, event: Event) -> None:
        self._close()
        self.said, data = self.saying, event.data
        if self.quiet:
            return
        outcome, seconds = did(data["stages"]), lines.took(data["seconds"])
        if outcome:
            self._result((outcome, "green"), (f" · {seconds}" if seconds else "", "dim"))
        else:
            self._result(("nothing to do", "dim"))
        for line in lines.closing(data, self.project, self.folder)[1:]:
            self._line(f"{'':10}{line.strip()}", whole=True)

    def _error(self, event: Event) -> None:
        self._close()
        first, *rest = event.data["text"].splitlines()
        self._result((first, "red"))
        for line in rest:
            self._line(f"{'':10}{line.strip()}")
        if event.data["goes_on"]:
            self._line(("          until then the last good lora.yaml goes on", "dim"))

    def _result(self, *parts: tuple[str, str]) -> None:
        """``10:02:11  dataset/cape/03.png → 1 prepared, tagged, cached · 1.2 s``."""
        what = shortened(self.paths) or "start"
        self._line((time.strftime("%H:%M:%S  "), "dim"), (what, "bold"), (" → ", "dim"), *parts)

    def _aside(self, event: Event) -> None:
        self._fresh(event, f"{event.data['item']} {event.data['problem']}")

    def _warning(self, event: Event) -> None:
        self._fresh(event, f"{event.data['item']} {event.data['text']}")

    def _fresh(self, event: Event, text: str) -> None:
        """What the last round said already need not be said again."""
        self.saying.add(text)
        if text not in self.said:
            self._pass(event)

    def _note(self, event: Event) -> None:
        if self.inner is None and not self.quiet:
            self._line((event.data["text"], "dim"))
        self._pass(event)

    def _pass(self, event: Event) -> None:
        """To the face of the build, while one is under way."""
        if self.inner is not None:
            self.inner(event)
