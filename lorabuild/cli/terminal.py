"""The face on a terminal: a line a stage, bars with rate and time left, a table of repeats before training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from lorabuild.cli import lines
from lorabuild.cli.pace import Pace

if TYPE_CHECKING:
    from pathlib import Path

    from lorabuild.core.events import Event
    from lorabuild.schema.project import Project

NAME, WORDS = 14, 62  # columns that a stage's name and a full line of progress take beside the bar
REDRAWN = 5  # times a second: calm, and no burden on a processor that trains


class Terminal:
    """Draws on stderr; honours NO_COLOR (rich does). While a stage works its bar is the last line, and then goes."""

    def __init__(
        self, project: Project, folder: Path, *, verbose: bool = False, console: Console | None = None
    ) -> None:
        self.project, self.folder, self.verbose = project, folder, verbose
        self.console = console or Console(stderr=True, highlight=False)
        self.pace, self.why, self.loss = Pace(), "", ""
        self._bar_width = min(max(self.console.width - NAME - WORDS, 8), 32)
        self.bars = Progress(
            TextColumn("  {task.description:<9}", markup=False),
            BarColumn(bar_width=self._bar_width),
            TextColumn("{task.fields[said]}", markup=False),
            console=self.console,
            transient=True,
            refresh_per_second=REDRAWN,
        )
        self.bar: Any = None

    def __enter__(self) -> Self:
        """Start drawing."""
        self.bars.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Leave the terminal as it was."""
        self._no_bar()
        self.bars.stop()

    def __call__(self, event: Event) -> None:
        """Show one event."""
        show = getattr(self, f"_{event.kind}", None)
        if show:
            show(self.pace(event))

    def _no_bar(self) -> None:
        if self.bar is not None:
            self.bars.remove_task(self.bar)
            self.bar = None

    def _fitting(self, text: str) -> str:
        """What there is room for behind the bar; without it the bar would give way."""
        room = max(self.console.width - NAME - self._bar_width, 8)
        return lines.cut(text, room)

    def _line(self, *parts: str | tuple[str, str]) -> None:
        """One line of text, or (text, style), cut at the edge."""
        self.console.print(Text.assemble(*parts), no_wrap=True, overflow="ellipsis")

    def _wrapped(self, *parts: str | tuple[str, str]) -> None:
        """As many lines as it takes."""
        self.console.print(Text.assemble(*parts))

    def _stage(self, event: Event) -> None:
        self._no_bar()
        self.why, self.loss = lines.reason(event.data["reasons"]), ""
        if self.verbose:
            for entry in event.data["reasons"]:
                self._line((f"    {entry['item']}: {entry['why']}", "dim"))
        self.bar = self.bars.add_task(event.stage, total=None, said=self._fitting(self.why))

    def _progress(self, event: Event) -> None:
        data = event.data
        if self.bar is not None:
            self.bars.update(
                self.bar, total=data["total"], completed=data["done"], said=self._fitting(lines.progress(data))
            )
        if data.get("loss_mean") is not None:
            self.loss = f", {lines.lost(data['loss_mean'])}"

    def _stage_done(self, event: Event) -> None:
        self._no_bar()
        if event.data["ran"]:
            said, seconds = lines.outcome(event.data) + self.loss, lines.took(event.data["seconds"])
            self._line(
                ("✓ ", "green"), (f"{event.stage:<9} ", "bold"), f"{said:<22} {seconds:>12}   ", (self.why, "dim")
            )
        elif lines.has_items(event.data):
            self._line((f"· {event.stage:<9} {lines.outcome(event.data)}", "dim"))
        self.why, self.loss = "", ""

    def _aside(self, event: Event) -> None:
        self._wrapped(("set aside ", "red"), lines.set_aside(event.data))

    def _warning(self, event: Event) -> None:
        self._wrapped(("warning ", "yellow"), f"{lines.warned(event.data)} ", (f"[{event.data['code']}]", "dim"))

    def _note(self, event: Event) -> None:
        if self.verbose or event.data.get("code") != "wrote":
            self._wrapped((event.data["text"], "dim"))

    def _table(self, event: Event) -> None:
        if event.data.get("targets"):
            self._wrapped("\n".join(lines.table_lines(event.data)))
            return
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        table.add_column("  concept", no_wrap=True)
        for name in ("images", "repeats", "per epoch", "budgeted"):
            table.add_column(name, justify="right")
        for row in event.data["concepts"]:
            numbers = (str(row[name]) for name in ("images", "repeats", "per_epoch"))
            table.add_row(Text(f"  {row['name']}"), *numbers, f"{row['share']:.1f}")
        self.console.print(table)
        for line in (line for row in event.data["concepts"] for line in lines.apart(row)):
            self._line(f"  {line}")
        for row in event.data["triggers"]:
            self._line(("  " + row["name"], "cyan"), lines.exposure(row).removeprefix(row["name"]))
        self._wrapped(f"  {lines.steps(event.data)}")

    def _done(self, event: Event) -> None:
        first, *rest = lines.closing(event.data, self.project, self.folder)
        self._wrapped((first, "bold green"))
        for line in rest:
            self.console.print(Text(line), soft_wrap=True)  # a path stays whole, to be copied
