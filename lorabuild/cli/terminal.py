"""The face on a terminal: a line a stage, bars with rate and time left, a table of repeats before training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from lorabuild.cli.faces import closing, outcome, progress, reason

if TYPE_CHECKING:
    from lorabuild.core.events import Event
    from lorabuild.schema.project import Project


class Terminal:
    """Draws on stderr; honours NO_COLOR (rich does)."""

    def __init__(self, project: Project, *, verbose: bool) -> None:
        self.project, self.verbose = project, verbose
        self.console = Console(stderr=True, highlight=False)
        self.bars = Progress(
            TextColumn("  {task.description:<9}"),
            BarColumn(bar_width=32),
            TextColumn("{task.fields[said]}"),
            console=self.console,
            transient=True,
        )
        self.bar: Any = None

    def __enter__(self) -> Self:
        """Start drawing."""
        self.bars.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Leave the terminal as it was."""
        self.bars.stop()

    def __call__(self, event: Event) -> None:
        """Show one event."""
        shown = getattr(self, f"_{event.kind}", None)
        if shown:
            shown(event)

    def _stage(self, event: Event) -> None:
        self.console.print(f"[bold]{event.stage:<9}[/] {event.data['todo']} of {event.data['total']}", end="")
        self.console.print(f"  [dim]{_escaped(reason(event.data['reasons']))}[/]")
        if self.verbose:
            for entry in event.data["reasons"]:
                self.console.print(f"          [dim]{_escaped(entry['item'])}: {_escaped(entry['why'])}[/]")
        self.bar = self.bars.add_task(event.stage, total=None, said="")

    def _progress(self, event: Event) -> None:
        if self.bar is not None:
            data = event.data
            rate = f", {data['rate']:.1f} a second" if data.get("rate") else ""
            self.bars.update(
                self.bar, total=data["total"], completed=data["done"], said=_escaped(progress(data) + rate)
            )

    def _stage_done(self, event: Event) -> None:
        if self.bar is not None:
            self.bars.remove_task(self.bar)
            self.bar = None
        mark = "[green]✓[/]" if event.data["ran"] else "[dim]·[/]"
        self.console.print(f"{mark} [bold]{event.stage:<9}[/] {_escaped(outcome(event.data))}")

    def _aside(self, event: Event) -> None:
        self.console.print(f"[red]set aside[/] {_escaped(event.data['item'])} – {_escaped(event.data['problem'])}")

    def _warning(self, event: Event) -> None:
        self.console.print(
            f"[yellow]warning[/] {_escaped(event.data['text'])} [dim]{_escaped('[' + event.data['code'] + ']')}[/]"
        )

    def _note(self, event: Event) -> None:
        self.console.print(f"[dim]{_escaped(event.data['text'])}[/]")

    def _table(self, event: Event) -> None:
        table = Table(box=None, padding=(0, 2), header_style="dim")
        table.add_column("concept")
        for name in ("images", "repeats", "per epoch", "share"):
            table.add_column(name, justify="right")
        for row in event.data["concepts"]:
            table.add_row(
                _escaped(row["name"]),
                str(row["images"]),
                str(row["repeats"]),
                str(row["per_epoch"]),
                f"{row['share']:.1f}",
            )
        self.console.print(table)
        for row in event.data["triggers"]:
            self.console.print(
                f"  [cyan]{_escaped(row['name'])}[/] is seen {row['per_epoch']} times an epoch, {row['total']} in all"
            )
        steps = event.data["steps"]
        self.console.print(
            f"  {steps['image']} image steps = {steps['optimizer']} optimizer steps in {steps['epochs']} epochs"
        )

    def _done(self, event: Event) -> None:
        first, *rest = closing(event.data, self.project)
        self.console.print(f"[bold green]{_escaped(first)}[/]")
        for line in rest:
            self.console.print(_escaped(line), soft_wrap=True)


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)
