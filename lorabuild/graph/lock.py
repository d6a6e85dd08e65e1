"""``lora.lock``: what a build was made from, on what, and what came out, for git to keep."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, TypeGuard

from lorabuild import __version__
from lorabuild.core.digest import canonical, digest
from lorabuild.core.errors import DifferenceError, ProjectError
from lorabuild.graph import balancing
from lorabuild.graph.lineage import lineage
from lorabuild.graph.manifest import MANIFEST
from lorabuild.graph.members import members
from lorabuild.graph.outside import digest_of
from lorabuild.graph.view import version_of
from lorabuild.schema.parts import by_name, files_of

if TYPE_CHECKING:
    from pathlib import Path

    from lorabuild.graph.view import View

NAME = "lora.lock"
FORMAT = 2
RECORDED = ("latents", "text", "train", "sample")  # what a tagger said goes on as captions, and these are exact
_ENTITIES = {
    "models": dict,
    "stages": dict,
    "variants": dict,
    "sources": dict,
    "concepts": dict,
    "record": list,
    "outputs": str,
}
_MARKS = (b"<<<<<<<", b"|||||||", b"=======", b">>>>>>>")
_MARK = re.compile(rb"^(<{7}|\|{7}|={7}|>{7})[^\t\n]*$", re.MULTILINE)  # a row of the manifest has tabs
_LEADS_OUT = re.compile(r"[/~\\]|[A-Za-z]:[/\\]|\.\.([/\\]|$)")


def lock_of(view: View, stages: tuple[str, ...], outputs: Mapping[str, str]) -> dict[str, Any]:
    """The lock's content after these stages: no time, host or absolute path in it.

    Args:
        view: the finished view.
        stages: the stages that were built.
        outputs: path of a file in the output folder → sha256 hex.
    """
    settings = view.site.consumed()
    return {
        "lock": {"format": FORMAT, "lorabuild": __version__},
        "settings": {name: portable(settings[name]) for name in sorted(settings)},
        "models": _models(view),
        "stages": {
            stage: {
                "version": version_of(stage),
                "count": view.step(stage).total,
                "root": digest(view.raw_keys(stage)),
            }
            for stage in stages
            if stage != "report"
        },
        **({"variants": {one.variant: _variant(one, stages) for one in view.variants}} if view.variants else {}),
        **({"sources": _sources(view)} if view.project.sources else {}),
        "concepts": _concepts(view) if "balance" in stages else {},
        "record": records(view, stages),
        "outputs": {str(portable(path, keep=2)): sha for path, sha in sorted(outputs.items())},
        **({"lineage": before} if "train" in stages and (before := lineage(view)) else {}),
    }


def portable(value: Any, keep: int = 1) -> Any:
    """A setting without this machine in it: of a path that leads out of the project only its last parts are left."""
    if isinstance(value, str):
        if not _LEADS_OUT.match(posixpath.normpath(value)):
            return value
        return "/".join(PurePosixPath(value.replace("\\", "/")).parts[-keep:])
    if isinstance(value, Mapping):
        return {name: portable(entry) for name, entry in value.items()}
    return [portable(entry) for entry in value] if isinstance(value, list | tuple) else value


def records(view: View, stages: tuple[str, ...]) -> dict[str, list[dict[str, Any]]]:
    """Stage → on what its floating-point results were made; several where a cache was filled on several machines."""
    found = {stage: _distinct(view, stage) for stage in RECORDED if stage in stages}
    return {stage: made for stage, made in found.items() if made}


def _distinct(view: View, stage: str) -> list[dict[str, Any]]:
    if not view.variants:
        return view.records(stage)
    found = {canonical(record): record for one in view.all() for record in one.records(stage)}
    return [found[text] for text in sorted(found)]


def _variant(view: View, stages: tuple[str, ...]) -> dict[str, Any]:
    """What of a variant is another than the project's: the roots of its keys, its models, its lineage."""
    roots = {stage: digest(view.raw_keys(stage)) for stage in stages if stage != "report"}
    main = {stage: digest(view.main.raw_keys(stage)) for stage in roots} if view.main else {}
    known = _models(view.main) if view.main else {}
    models = {what: model for what, model in _models(view).items() if model != known.get(what)}
    held = lineage(view) if "train" in stages else {}
    found = {"stages": {stage: root for stage, root in roots.items() if root != main.get(stage)}}
    return found | ({"models": models} if models else {}) | ({"lineage": held} if held else {})


def comparable(then: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether the same bytes are promised: made on the same kind of machine, by what gives the same bits again."""
    known = [record for section in (then, now) for made in section.values() for record in made]
    return then == now and not any(record.get("deterministic") is False for record in known)


def _models(view: View) -> dict[str, Any]:
    """What each model is, and the revision that the next build takes of one that is named by a hub id."""
    project, held, commits = view.project, view.inventory, view.inventory.revisions
    found: dict[str, tuple[str | None, Mapping[str, str]]] = {"base": (project.base.model, held.models)}
    if project.base.vae:
        found["vae"] = (project.base.vae, {"vae": held.models["vae"]})
    taggers = by_name(project.captions.tagger)
    for what, files in files_of(project.captions.tagger, held.tagger).items():
        if files:
            found[what] = (getattr(taggers[what], "model", None), files)
    return {
        what: {"source": portable(source), "revision": commits.get(what), "parts": dict(sorted(parts.items()))}
        for what, (source, parts) in found.items()
    }


def _sources(view: View) -> dict[str, Any]:
    """What each source is: its file, or the names and files of the pictures that it gives."""
    files = view.inventory.files
    return {
        name: {
            "into": into,
            "images": len(names),
            "digest": held or _joined([[one, digest_of(one, files, view.inventory.outside)] for one in names]),
        }
        for name, (into, held, names) in sorted(view.inventory.sources.marks.items())
    }


def _joined(rows: list[list[str | None]]) -> str:
    return digest(canonical(sorted(rows, key=str)))


def _concepts(view: View) -> dict[str, Any]:
    rows = {row.name: row.as_dict() for row in balancing.table(view).concepts}
    later = {name: {word: row[word] for word in ("pictures", "apart") if word in row} for name, row in rows.items()}
    found: dict[str, list[list[str]]] = {}
    for member in members(view):
        if not member.twin and member.pixels and member.caption is not None:
            found.setdefault(member.concept, []).append([member.pixels, member.caption])
    return {
        name: {
            "images": len(pairs),
            "repeats": rows[name]["repeats"],
            "root": digest(canonical(sorted(pairs))),
            **later[name],
        }
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


def refuse_conflict(root: Path) -> None:
    """Raise ``ProjectError`` where lock or manifest hold a merge conflict: a build must not write over it."""
    for name in (NAME, MANIFEST):
        path = root / name
        if path.is_file():
            _conflict(path.read_bytes(), name)


def _conflict(data: bytes, name: str) -> None:
    if any(mark in data for mark in _MARKS) and _MARK.search(data):  # the first look takes a tenth of the second
        raise ProjectError(
            "this file holds a merge conflict",
            where=name,
            next_step=f"take one side (`git checkout --ours {name}`) or delete {name}, then run `lorabuild`: "
            "it is written anew from lora.yaml as it stands",
        )


def read_lock(root: Path) -> dict[str, Any] | None:
    """The lock in the project folder; None when there is none. Raises ``ProjectError``, also on a merge conflict."""
    path = root / NAME
    return parse_lock(path.read_bytes()) if path.is_file() else None


def parse_lock(data: bytes, where: str = NAME) -> dict[str, Any]:
    """The content of a lock of any form up to ours. Raises ``ProjectError``."""
    _conflict(data, where)
    try:
        content = json.loads(data)
    except ValueError as error:
        raise _unreadable(str(error), where) from error
    if not _is_lock(content):
        raise _unreadable("it is no JSON object as lorabuild writes it", where)
    if form_of(content) > FORMAT:
        raise ProjectError(
            f"the lock was written by a newer lorabuild (its form is {form_of(content)}, this one knows {FORMAT})",
            where=where,
            next_step="update lorabuild, or delete the lock to have it written anew",
        )
    return content


def _is_lock(content: Any) -> TypeGuard[dict[str, Any]]:
    """Whether a lock's sections hold what all forms have in them."""
    if not isinstance(content, dict) or not isinstance(content.get("lock", {}), dict):
        return False
    sections = {name: content.get(name, {}) for name in _ENTITIES}
    return all(
        isinstance(section, dict) and all(isinstance(entity, _ENTITIES[name]) for entity in section.values())
        for name, section in sections.items()
    )


def form_of(content: Mapping[str, Any]) -> int:
    """The number of a lock's form."""
    form = content.get("lock", {}).get("format", FORMAT)
    return form if isinstance(form, int) else FORMAT + 1


def _unreadable(why: str, where: str) -> ProjectError:
    return ProjectError(
        f"the lock can't be read: {why}", where=where, next_step="restore it from git, or delete it: it is made again"
    )


def compare(locked: Mapping[str, Any] | None, now: Mapping[str, Any]) -> bool:
    """Raise ``DifferenceError`` when the lock would change, naming what.

    Returns:
        Whether bytes were compared: false where the lock was made on another kind of machine, so that the record and
        the outputs may differ, and all else is equal.
    """
    if locked is None:
        raise DifferenceError(
            f"there is no {NAME} to hold the build to",
            next_step="run `lorabuild` once without --locked and commit the lock",
        )
    if form_of(locked) != form_of(now):
        raise DifferenceError(
            f"the lock has the older form {form_of(locked)}, which says less than form {FORMAT} and can't be held to",
            where=NAME,
            next_step="run `lorabuild` once without --locked and commit the lock; what was built is not built again",
        )
    same = comparable(locked.get("record", {}), now.get("record", {}))
    passed = () if same else ("record", "outputs")
    changed = [place for place in _changed("", locked, now) if place.partition(".")[0] not in passed]
    if changed:
        more = f" and {len(changed) - 6} more" if len(changed) > 6 else ""
        raise DifferenceError(
            f"the lock would change: {', '.join(changed[:6])}{more}",
            where=NAME,
            next_step="run `lorabuild` without --locked to accept the change; `lorabuild diff` then says it in words",
        )
    return same


def _changed(place: str, then: Any, now: Any) -> list[str]:
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        return [
            found
            for name in sorted({*then, *now})
            for found in _changed(f"{place}.{name}" if place else name, then.get(name), now.get(name))
        ]
    return [] if then == now else [place]
