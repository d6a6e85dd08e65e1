"""The faces of a build: JSON lines for programs, plain lines for logs, bars and tables on a terminal."""

from __future__ import annotations

import json
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from lorabuild.core.events import Emit, Event
    from lorabuild.schema.project import Project

QUIET = ("aside", "warning", "error")
EVERY = 5.0


@contextmanager
def face(args: argparse.Namespace, project: Project) -> Iterator[Emit]:
    """The sink for a build's events, chosen by the command line and by what stderr is."""
    if getattr(args, "json", False):
        yield json_line
    elif getattr(args, "quiet", False):
        yield Plain(project, only=QUIET)
    elif sys.stderr.isatty():
        from lorabuild.cli.terminal import Terminal

        with Terminal(project, verbose=getattr(args, "verbose", False)) as terminal:
            yield terminal
    else:
        yield Plain(project)


def json_line(event: Event) -> None:
    """One JSON object a line on stdout."""
    stage = {"stage": event.stage} if event.stage else {}
    print(json.dumps({"event": event.kind, **stage, **event.data}, ensure_ascii=False), flush=True)


class Plain:
    """One line a stage on stderr; progress every few seconds. For logs, pipes and CI."""

    def __init__(self, project: Project, only: tuple[str, ...] = ()) -> None:
        self.project, self.only, self.last = project, only, 0.0

    def __call__(self, event: Event) -> None:
        """Print what is worth a line."""
        if self.only and event.kind not in self.only:
            return
        if event.kind == "progress":
            now = time.monotonic()
            if now - self.last < EVERY:
                return
            self.last = now
        for line in lines_of(event, self.project):
            print(line, file=sys.stderr, flush=True)


def lines_of(event: Event, project: Project) -> list[str]:
    """An event in plain words; no lines for what needs none."""
    data, stage = event.data, f"{event.stage:<8}"
    match event.kind:
        case "stage":
            return [f"{stage} {data['todo']} of {data['total']} – {reason(data['reasons'])}"]
        case "progress":
            return [f"{stage} {progress(data)}"]
        case "stage_done":
            return [f"{stage} {outcome(data)}"]
        case "aside":
            return [f"set aside: {data['item']} – {data['problem']}"]
        case "warning":
            return [f"warning: {data['text']} [{data['code']}]"]
        case "note":
            return [f"{data['text']}"]
        case "table":
            return table_lines(data)
        case "done":
            return closing(data, project)
        case _:
            return []


def reason(reasons: list[dict[str, str]]) -> str:
    """The commonest reasons of a stage in one line."""
    counts: dict[str, int] = {}
    for entry in reasons:
        counts[entry["why"]] = counts.get(entry["why"], 0) + 1
    named = [
        f"{why}" + (f" ({count}×)" if count > 1 else "")
        for why, count in sorted(counts.items(), key=lambda row: -row[1])
    ]
    text = "; ".join(named[:2]) + (f"; and {len(named) - 2} other reasons" if len(named) > 2 else "")
    return text if len(text) <= 160 else f"{text[:157]}…"


def progress(data: dict[str, Any]) -> str:
    """``120/400 steps, loss 0.0812, 40 s left``."""
    parts = [f"{data['done']}/{data['total']} {data.get('unit', '')}".rstrip()]
    if (loss := data.get("loss_mean", data.get("loss"))) is not None:
        parts.append(f"loss {loss:.4f}")
    if (left := data.get("left")) is not None:
        parts.append(f"{span(left)} left")
    return ", ".join(parts)


def outcome(data: dict[str, Any]) -> str:
    """``3 done in 2.1 s, 17 reused``."""
    if not data["ran"]:
        return f"up to date ({data['reused']})"
    reused = f", {data['reused']} reused" if data["reused"] else ""
    return f"{data['ran']} done in {span(data['seconds'])}{reused}"


def table_lines(data: dict[str, Any]) -> list[str]:
    """Repeats, exposure and steps as text."""
    lines = [f"  {'concept':<20} {'images':>6} {'repeats':>8} {'per epoch':>10} {'share':>9}"]
    lines += [
        f"  {row['name']:<20} {row['images']:>6} {row['repeats']:>8} {row['per_epoch']:>10} {row['share']:>9.1f}"
        for row in data["concepts"]
    ]
    lines += [
        f"  trigger {row['name']}: seen {row['per_epoch']} times an epoch, {row['total']} in all"
        for row in data["triggers"]
    ]
    steps = data["steps"]
    return [
        *lines,
        f"  {steps['image']} image steps = {steps['optimizer']} optimizer steps in {steps['epochs']} epochs",
    ]


def closing(data: dict[str, Any], project: Project) -> list[str]:
    """The last lines: what came out and where to look."""
    aside = [f"  set aside:   {entry['item']} – {entry['problem']}" for entry in data.get("aside", [])]
    if not any(counts["ran"] for counts in data["stages"].values()):
        return [f"{project.name} is up to date – nothing to do", *aside]
    files = [entry["path"] for entry in data["outputs"]]
    model = [path for path in files if path.endswith(".safetensors")]
    page = [path for path in files if path.endswith(".html")]
    lines = [f"built in {span(data['seconds'])}"]
    return [*lines, *(f"  the LoRA:    {path}" for path in model), *(f"  look at it:  {path}" for path in page), *aside]


def span(seconds: float) -> str:
    """``0.4 s``, ``12 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
