"""The live view: the report as it was built, or a plain page before there is one, with what a build says set into it.

The report's bytes stay as they are stored; the panel, its style and its script are put in while it is served.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from lorabuild.core.words import names
from lorabuild.publish.network import line
from lorabuild.publish.report import SCRIPT, environment, policy, styles, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lorabuild.schema.project import Project

PANEL, STYLE, LISTENER, PLAIN = "live.html.j2", "live.css", "live.js", "plain.html.j2"
_POLICY = re.compile(rb'<meta http-equiv="Content-Security-Policy"[^>]*>\n?')
_TAGGED = re.compile(rb"<(style|script)>(.*?)</", re.DOTALL)
_PLACES = ((b"</head>", STYLE), (b'<header class="top">', PANEL), (b"</body>", LISTENER))


def ours(page: bytes) -> bool:
    """Whether a page has the style and the script of this lorabuild's reports: another's may be of any kind."""
    return _TAGGED.findall(page) == [(b"style", styles().encode()), (b"script", text(SCRIPT).encode())]


def alive(page: bytes, names: Mapping[str, str], shown: str = "", mark: str = "") -> tuple[bytes, str]:
    """A page of ours with the panel in it, and the Content-Security-Policy to serve it under.

    ``names``: variant → what its LoRA is called, the project itself (``""``) first; ``shown``: the one that the page is
    of; ``mark``: tells its last report from others.
    """
    page = _POLICY.sub(b"", page, count=1)
    panel = environment().get_template(PANEL).render(names=names, shown=shown, mark=mark)
    parts = {STYLE: _tagged("style", STYLE), PANEL: panel, LISTENER: _tagged("script", LISTENER)}
    for before, name in _PLACES:
        page = page.replace(before, parts[name].encode() + before, 1)
    return page, policy([styles(), text(STYLE)], [text(SCRIPT), text(LISTENER)], live=True)


def plain(project: Project, plan: Mapping[str, Any] | None, problem: str = "", *, other: bool = False) -> bytes:
    """What there is to see before the first report: the project, and its plan as ``plan --json`` prints it.

    ``problem``: why there is no plan. ``other``: there is a report, of another lorabuild.
    """
    words = {"style": Markup(styles()), "project": project, "plan": plan, "problem": problem, "other": other}  # noqa: S704
    page = environment().get_template(PLAIN).render(**words, names=names, network=line(project.network))
    return page.encode("utf-8", "backslashreplace")


def _tagged(tag: str, name: str) -> str:
    return f"<{tag}>{text(name)}</{tag}>\n"
