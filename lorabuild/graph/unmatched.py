"""Rules for some images (``captions.for``, ``images.for``, ``lint.for``) whose ``match`` no image's path fits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lorabuild.captions.levels import matching
from lorabuild.graph.members import members

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.graph.view import View


def unmatched(view: View) -> Iterator[dict[str, str]]:
    """``{code, item, text}`` of each rule that does nothing; none as long as a film's frames aren't known."""
    project = view.project
    sections: dict[str, tuple[Any, ...]] = {
        "captions": project.captions.for_,
        "images": project.images.for_,
        "lint": project.lint.for_,
    }
    rules = {f"{name}.for.{at}": rule.match for name, found in sections.items() for at, rule in enumerate(found)}
    if not rules or view.step("scan").waiting:
        return
    paths = {*view.inventory.files, *(member.path for member in members(view))}
    for name, globs in rules.items():
        if not any(map(matching(globs), paths)):
            said = ", ".join(f"`{glob}`" for glob in globs)
            text = f"{name}: no image's path fits {said}, so the rule does nothing; `*` ends at a slash, `**` doesn't"
            yield {"code": "no-match", "item": name, "text": text}
