"""``lora.lock`` and ``lora.manifest.tsv``: what a build was made from and what came out, for git to keep."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lorabuild import __version__
from lorabuild.core.digest import canonical, digest
from lorabuild.core.errors import DifferenceError, ProjectError
from lorabuild.graph import balancing
from lorabuild.graph.members import members
from lorabuild.graph.view import version_of
from lorabuild.schema.consumed import consumed

if TYPE_CHECKING:
    from pathlib import Path

    from lorabuild.graph.view import View

NAME = "lora.lock"
MANIFEST = "lora.manifest.tsv"
FORMAT = 1


def lock_of(view: View, stages: tuple[str, ...], outputs: Mapping[str, str]) -> dict[str, Any]:
    """The lock's content after these stages: no time, host or absolute path in it.

    Args:
        view: the finished view.
        stages: the stages that were built.
        outputs: file name in the output folder → sha256 hex.
    """
    return {
        "lock": {"format": FORMAT, "lorabuild": __version__},
        "settings": digest(canonical(consumed(view.project, ""))),
        "models": _models(view),
        "stages": {
            stage: {
                "version": version_of(stage),
                "count": len(view.step(stage).items),
                "root": digest(canonical(sorted(item.key for item in view.step(stage).items))),
            }
            for stage in stages
            if stage != "report"
        },
        "concepts": _concepts(view),
        "outputs": dict(sorted(outputs.items())),
    }


def _models(view: View) -> dict[str, Any]:
    base = {
        "source": view.project.base.model,
        "revision": view.inventory.base.revision,
        "parts": dict(sorted(view.inventory.models.items())),
    }
    tagger = view.project.captions.tagger
    models = {"base": base}
    if view.inventory.tagger:
        models["tagger"] = {
            "source": getattr(tagger, "model", None),
            "revision": None,
            "parts": dict(sorted(view.inventory.tagger.items())),
        }
    return models


def _concepts(view: View) -> dict[str, Any]:
    repeats, prepared, captions = balancing.table(view).repeats, view.made("prepare"), view.made("caption")
    found: dict[str, list[list[str]]] = {}
    for member in members(view):
        if not member.twin and member.file.path in prepared and member.id in captions:
            pair = [prepared[member.file.path].facts["pixels"], captions[member.id].facts["caption"]]
            found.setdefault(member.concept, []).append(pair)
    return {
        name: {"images": len(pairs), "repeats": repeats[name], "root": digest(canonical(sorted(pairs)))}
        for name, pairs in sorted(found.items())
    }


def write_lock(content: Mapping[str, Any]) -> bytes:
    """Sorted JSON with one entity a line, so that git shows and merges it line by line."""
    lines = []
    for section, value in content.items():
        if isinstance(value, Mapping) and section != "lock":
            rows = [f"  {json.dumps(name)}: {_line(entity)}" for name, entity in sorted(value.items())]
            lines.append(f"{json.dumps(section)}: {{\n" + ",\n".join(rows) + ("\n}" if rows else "}"))
        else:
            lines.append(f"{json.dumps(section)}: {_line(value)}")
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def _line(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def read_lock(root: Path) -> dict[str, Any] | None:
    """The lock in the project folder; None when there is none. Raises ``ProjectError`` on a merge conflict."""
    path = root / NAME
    if not path.exists():
        return None
    text = path.read_text("utf-8")
    if "<<<<<<<" in text:
        raise ProjectError(
            "the lock holds a merge conflict",
            where=NAME,
            next_step="delete lora.lock and run `lorabuild`: it is made again",
        )
    try:
        content = json.loads(text)
    except ValueError as error:
        raise _unreadable(str(error)) from error
    if not isinstance(content, dict):
        raise _unreadable("it is no JSON object")
    return content


def _unreadable(why: str) -> ProjectError:
    return ProjectError(
        f"the lock can't be read: {why}", where=NAME, next_step="restore it from git, or delete it: it is made again"
    )


def compare(locked: Mapping[str, Any] | None, now: Mapping[str, Any]) -> None:
    """Raise ``DifferenceError`` when the lock would change, naming what."""
    if locked is None:
        raise DifferenceError(
            "there is no lora.lock to hold the build to",
            next_step="run `lorabuild` once without --locked and commit the lock",
        )
    changed = list(_changed("", locked, now))
    if changed:
        more = f" and {len(changed) - 6} more" if len(changed) > 6 else ""
        raise DifferenceError(
            f"--locked: the lock would change: {', '.join(changed[:6])}{more}",
            where=NAME,
            next_step="run `lorabuild` without --locked to accept the change",
        )


def _changed(place: str, then: Any, now: Any) -> list[str]:
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        return [
            found
            for name in sorted({*then, *now})
            for found in _changed(f"{place}.{name}" if place else name, then.get(name), now.get(name))
        ]
    return [] if then == now else [place]


def manifest(view: View) -> bytes:
    """One line an image: path, pixel digest, caption; sorted by path. Tabs and newlines are escaped."""
    prepared, captions = view.made("prepare"), view.made("caption")
    rows = sorted(
        (member.id, prepared[member.file.path].facts["pixels"], captions[member.id].facts["caption"])
        for member in members(view)
        if member.file.path in prepared and member.id in captions
    )
    escaped = (
        "\t".join(cell.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n") for cell in row) for row in rows
    )
    return ("path\tdigest\tcaption\n" + "".join(f"{row}\n" for row in escaped)).encode("utf-8", "surrogateescape")
