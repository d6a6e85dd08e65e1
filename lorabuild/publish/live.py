"""The live view: the report as it was built, or a plain page before there is one, with what a build says set into it.

The report's bytes stay as they are stored; the panel, its style and its script are put in while it is served.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from lorabuild.publish.network import line
from lorabuild.publish.report import HERE, SCRIPT, STYLES, environment, policy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lorabuild.schema.project import Project

PANEL, STYLE, LISTENER, PLAIN = "live.html", "live.css", "live.js", "plain.html.j2"
_POLICY = re.compile(rb'<meta http-equiv="Content-Security-Policy"[^>]*>\n?')
_STYLE = re.compile(rb"<style>(.*?)</style>", re.DOTALL)
_PLACES = ((b"</head>", STYLE), (b'<header class="top">', PANEL), (b"</body>", LISTENER))


def alive(page: bytes) -> tuple[bytes, str]:
    """A page with the panel in it, and the Content-Security-Policy to serve it under.

    No script runs but the report's and the panel's own, as this lorabuild has them: the page may have come from
    anywhere.
    """
    page = _POLICY.sub(b"", page, count=1)
    parts = {STYLE: _tagged("style", STYLE), PANEL: _text(PANEL), LISTENER: _tagged("script", LISTENER)}
    for before, name in _PLACES:
        page = page.replace(before, parts[name].encode() + before, 1)
    styles = [style.decode("utf-8", "replace") for style in _STYLE.findall(page)]
    return page, policy(styles, [_text(SCRIPT), _text(LISTENER)], live=True)


def plain(project: Project, plan: Mapping[str, Any] | None, problem: str = "") -> bytes:
    """What there is to see before the first report: the project, and its plan as ``plan --json`` prints it.

    ``problem``: why there is no plan.
    """
    words = {"style": "\n".join(map(_text, STYLES)), "project": project, "plan": plan, "problem": problem}
    page = environment().get_template(PLAIN).render(**words, network=line(project.network))
    return page.encode("utf-8", "backslashreplace")


def _tagged(tag: str, name: str) -> str:
    return f"<{tag}>{_text(name)}</{tag}>\n"


@cache
def _text(name: str) -> str:
    return (HERE / name).read_text("utf-8")
