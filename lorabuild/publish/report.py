"""The report: one HTML page that needs nothing beside it and asks nothing of a network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import jinja2

from lorabuild.balance.sets import percent

if TYPE_CHECKING:
    from lorabuild.publish.page import ReportData

TEMPLATE = "report.html.j2"


def render(data: ReportData) -> bytes:
    """The page as UTF-8 HTML. Every text in it is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"duration": duration, "size": size, "percent": percent}
    return environment.get_template(TEMPLATE).render(page=data).encode("utf-8", "backslashreplace")


def duration(seconds: float) -> str:
    """``< 0.1 s``, ``0.4 s``, ``1 min 34 s``, ``2 h 5 min``."""
    if seconds < 0.05:
        return "< 0.1 s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def size(count: int) -> str:
    """``812 B``, ``14 kB``, ``2.3 MB``."""
    if count < 1000:
        return f"{count} B"
    return f"{count / 1e3:.0f} kB" if count < 1e6 else f"{count / 1e6:.1f} MB"
