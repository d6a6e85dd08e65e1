"""The report: one HTML page that needs nothing beside it and asks nothing of a network."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2
from markupsafe import Markup, escape

from lorabuild.balance.sets import percent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lorabuild.publish.page import ReportData

HERE = Path(__file__).parent
TEMPLATE, SCRIPT = "report.html.j2", "page.js"
STYLES = ("report.css", "plots.css", "tables.css", "triggers.css", "pictures.css", "grids.css")


def render(data: ReportData) -> bytes:
    """The page as UTF-8 HTML. Every text in it is escaped; what may run or be asked for stands in its policy."""
    style, script = Markup(styles()), Markup(text(SCRIPT))  # noqa: S704 – our own files
    words = {"style": style, "script": script, "policy": policy([style], [script])}
    page = environment().get_template(TEMPLATE).render(page=data, **words)
    return page.encode("utf-8", "backslashreplace")


def policy(styles: Iterable[str], scripts: Iterable[str], *, live: bool = False) -> str:
    """The Content-Security-Policy of a page with only these styles and scripts in it, told by their digests.

    ``live``: it may ask its own server for pictures and events, and stands in nobody else's frame.
    """
    rules = {
        "default-src": ["'none'"],
        "img-src": ["data:", *(["'self'"] if live else [])],
        "style-src": map(_hashed, styles),
        "script-src": map(_hashed, scripts),
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
        **({"connect-src": ["'self'"], "frame-ancestors": ["'none'"]} if live else {}),
    }
    return "; ".join(f"{word} {' '.join(sources)}" for word, sources in rules.items())


def _hashed(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def styles() -> str:
    """The page's style sheet."""
    return "\n".join(map(text, STYLES))


@cache
def text(name: str) -> str:
    """A file of this folder."""
    return (HERE / name).read_text("utf-8")


@cache
def environment() -> jinja2.Environment:
    """Templates of this folder; whatever is set into them is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"duration": duration, "size": size, "percent": percent, "anchor": anchor, "coded": coded}
    return environment


def coded(text: str) -> Markup:
    """A sentence with `words between backticks` as code."""
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 – escaped


def anchor(word: str) -> str:
    """A word as part of an element's id."""
    return re.sub(r"[^\w-]", lambda found: f".{ord(found[0]):x}.", word)


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
