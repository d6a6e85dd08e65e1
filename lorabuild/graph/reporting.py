"""The item of the report: the page about the build."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from lorabuild.core.digest import canonical, digest
from lorabuild.core.errors import ProjectError
from lorabuild.graph import balancing, grids, lexicon, lint, lock, looks, pick, probe
from lorabuild.graph.members import members
from lorabuild.graph.order import STAGES
from lorabuild.graph.products import TOLD, content
from lorabuild.graph.status import aside
from lorabuild.graph.view import Draft, View, Waiting, item

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lorabuild.core.item import Result

MOST = 12
"""Findings of one code that the page shows one by one."""
SHOWN = TOLD | {"pixels", "tags", "pruned", "dropped", "human"}
"""What the page shows of an image, beside its name."""


def report(view: View) -> Iterator[Draft]:
    """The page about the build. What ran and how long it took is on it, and not in its key; nor is the whole lock."""
    packed, trained = view.made("package").get("package"), view.made("train").get("train")
    if packed is None or trained is None:
        yield Waiting("report")
        return
    base = next(made for made in view.step("package").items)
    asked, picked, drawn = probe.known(view), pick.known(view), grids.known(view)
    parts = {
        **view.site.consumed(),
        "package": packed.key,
        "images": content(base.reads["images"], SHOWN),
        "balance": digest(canonical(balancing.table(view).as_dict())),
        "set aside": len(aside(view)),
        **({"looks": digest(canonical(seen))} if (seen := _flawed(view)) else {}),
        **({"probe": sorted(result.key for result in asked.values())} if asked else {}),
        **({"pick": digest(canonical(picked))} if picked else {}),
        **({"grids": [[one["key"], one["file"]] for one in drawn]} if drawn else {}),
    }
    made = item("report", "report", parts)
    reads = {} if _is_made(view, made.key) else told(view, base.reads, packed, trained)
    yield item("report", "report", parts, reads)


def keys(view: View) -> set[str]:
    """Keys of what the page tells of beside the stages, for ``gc``: what a person asked for isn't made again."""
    found = pick.keys(view) | {one["key"] for one in grids.known(view)}
    if asked := probe.known(view):
        found |= {result.key for result in asked.values()}
        with suppress(ProjectError):
            found |= probe.keys(view, lexicon.lexicon_of(view))
    return found


def _is_made(view: View, key: str) -> bool:
    held = view.store.results([key])
    return bool(held) and not view.store.missing_blobs(held.values())


def told(view: View, package: Mapping[str, Any], packed: Result, trained: Result) -> dict[str, Any]:
    """Everything that the page says, see ``stages.report``; ``package`` is what the package reads."""
    balance, asked = balancing.table(view).as_dict(), probe.known(view)
    words, answers = _words(view, asked)
    return {
        **package,
        "balance": {**balance, "warnings": lint.briefly(lint.warnings(view, triggers=False), MOST)},
        "duplicates": _twins(view),
        "words": words,
        "probe": {
            "answers": answers,
            "pictures": {name: result.outputs["picture"] for name, result in asked.items()},
        },
        "pick": pick.known(view),
        "grids": grids.known(view),
        "aside": aside(view),
        "log": trained.outputs.get("log"),
        "stopped": trained.facts.get("stopped", ""),
        "stages": [{"name": name, **counts} for name, counts in view.tally.items()],
        "files": [{"name": name, **made} for name, made in packed.facts["files"].items()],
        **_origin(view, packed),
    }


def _flawed(view: View) -> list[Any]:
    """What is known of pictures that the page tells; nothing where there is nothing to tell."""
    return [known for known in looks.known(view).values() if any(known.values())]


def _twins(view: View) -> list[dict[str, Any]]:
    """Pairs of a concept, equal, nearly, or but for one place: the one that is used first, and where both lie."""
    known = {(member.concept, member.path): member for member in members(view)}
    alike = lint.likenesses(view)
    near = {pair.other.id for pair in alike if not pair.variant}
    same = [(known[one.concept, one.twin], one, "same") for one in members(view) if one.twin and one.id not in near]
    others = [(pair.kept, pair.other, "variant" if pair.variant else "near") for pair in alike]
    return [
        {
            "concept": left.concept,
            "used": used.path,
            "left": left.path,
            "kind": kind,
            "seen": [one.seen(view) for one in (used, left)],
        }
        for used, left, kind in [*same, *others]
    ]


def _words(view: View, asked: Mapping[str, Result]) -> tuple[list[tuple[Any, ...]], dict[str, float]]:
    """What is found about the trigger words, and what the base answers them where it was asked."""
    try:
        answers = probe.known_answers(view, lexicon.lexicon_of(view)) if asked else {}
        return [tuple(finding) for finding in lexicon.findings_with(view, answers)], answers
    except ProjectError:  # a tokenizer that can't be read: `triggers` says so
        return [], {}


def _origin(view: View, packed: Result) -> dict[str, Any]:
    """What the lock says of models, settings and machines, and its digest where it is the whole project's."""
    folder = PurePosixPath(view.project.output.folder)
    files = {(folder / name).as_posix(): made.get("sha256", "") for name, made in packed.facts["files"].items()}
    now = lock.lock_of(replace(view, variants=()), STAGES, files)  # those of variants aren't planned yet
    alone = not (view.main or view.variants or view.project.variants)
    return {
        "models": now["models"],
        "record": now["record"],
        "settings": digest(canonical(now["settings"])),
        "lock": sha256(lock.write_lock(now)).hexdigest() if alone else "",
    }
