"""What changed between two builds, by their locks and manifests alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lorabuild.graph.manifest import Row

Change = dict[str, Any]
SECTIONS = ("lock", "settings", "models", "stages", "concepts", "record", "outputs")


@dataclass(frozen=True, slots=True)
class Kept:
    """What one build left for git.

    Attributes:
        name: what a person calls it (``HEAD``, ``build 3``, ``lora.lock``).
        lock: the content of its lock.
        rows: the images of its manifest; None when it has none.
    """

    name: str
    lock: Mapping[str, Any]
    rows: Sequence[Row] | None


def difference(then: Kept, now: Kept) -> dict[str, Any]:
    """Everything that ``diff --json`` prints.

    ``images`` has ``added``, ``removed``, ``edited`` and ``renamed``; ``captions``, ``concepts``, ``settings``,
    ``models``, ``versions`` (of lorabuild and its stages), ``record`` and ``result`` are lists of changes, each with
    ``then`` and ``now`` (None where there is nothing). ``keys`` names the stages of which an item was made anew, came
    or went; ``unsaid`` what one of the two doesn't tell, so that it can't be compared.
    """
    said, unsaid = {}, ["images"] if (then.rows is None) != (now.rows is None) else []
    for section in SECTIONS:
        before, after = then.lock.get(section), now.lock.get(section)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            said[section] = _entries(before, after)
        elif before != after:
            unsaid.append(section)
    images, captions = (
        _images(then.rows, now.rows) if then.rows is not None and now.rows is not None else _images((), ())
    )
    stages = said.get("stages", [])
    return {
        "then": then.name,
        "now": now.name,
        "equal": then.lock == now.lock and then.rows == now.rows,
        "images": images,
        "captions": captions,
        "concepts": _concepts(said.get("concepts", [])),
        "settings": said.get("settings", []),
        "models": _models(said.get("models", [])),
        "versions": [*said.get("lock", []), *_versions(stages)],
        "record": _records(said.get("record", [])),
        "result": said.get("outputs", []),
        "keys": [change["name"] for change in stages],
        "unsaid": unsaid,
    }


def _entries(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[Change]:
    """The names of a section under which something else stands."""
    return [
        {"name": name, "then": then.get(name), "now": now.get(name)}
        for name in sorted({*then, *now})
        if then.get(name) != now.get(name)
    ]


def _concepts(concepts: Iterable[Change]) -> list[Change]:
    """Concepts with what a person counts; what changed inside them is told image by image."""
    seen = [
        {"name": change["name"], **{when: _counts(change[when]) for when in ("then", "now")}} for change in concepts
    ]
    return [change for change in seen if change["then"] != change["now"]]


def _counts(concept: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not concept:
        return None
    apart = [f"{one['images']} × {one['repeats']}" for one in concept.get("apart", ())]
    later = {"pictures": concept.get("pictures"), "apart": ", ".join(apart)}
    told = {name: value for name, value in later.items() if value}
    return {name: concept.get(name) for name in ("images", "repeats")} | told


def _models(models: Iterable[Change]) -> list[Change]:
    """Each part of a model that was replaced, and its source and revision."""
    found = []
    for change in models:
        sides = [_flat(change[when] or {}) for when in ("then", "now")]
        found += [{"model": change["name"], **entry} for entry in _entries(*sides)]
    return found


def _flat(model: Mapping[str, Any]) -> dict[str, Any]:
    """Source, revision and parts of a model beside each other."""
    parts = {f"part {name}": digest for name, digest in model.get("parts", {}).items()}
    return {**{name: value for name, value in model.items() if name != "parts"}, **parts}


def _versions(stages: Iterable[Change]) -> list[Change]:
    """Stages that another version of lorabuild works otherwise in; one that only one of the two built says nothing."""
    both = (change for change in stages if change["then"] and change["now"])
    sides = [(change["name"], change["then"].get("version"), change["now"].get("version")) for change in both]
    return [{"name": f"stage {name}", "then": then, "now": now} for name, then, now in sides if then != now]


def _records(records: Iterable[Change]) -> list[Change]:
    """What a stage was made on: word by word where both were made on one kind of machine, else all of it."""
    found = []
    for change in records:
        then, now = change["then"] or [{}], change["now"] or [{}]
        if len(then) == len(now) == 1:
            found += [{"stage": change["name"], **entry} for entry in _entries(then[0], now[0])]
        else:
            found.append({"stage": change["name"], "name": "machines", "then": then, "now": now})
    return found


def record_words(then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Why the bytes of two locks aren't compared."""
    changes = _records(_entries(then.get("record", {}), now.get("record", {})))
    if not changes:
        return "the training was not deterministic"
    first = changes[0]
    what = "on other machines" if first["name"] == "machines" else f"{first['name']} {first['then']} → {first['now']}"
    more = f", and {len(changes) - 1} more" if len(changes) > 1 else ""
    return f"they were made differently ({first['stage']}: {what}{more})"


def _images(then: Sequence[Row], now: Sequence[Row]) -> tuple[dict[str, list[Change]], list[Change]]:
    """Images by their paths; what came under another path with the same pixels was renamed."""
    before, after = ({row.path: row for row in rows} for rows in (then, now))
    gone = [before[path] for path in sorted(before.keys() - after.keys())]
    come = [after[path] for path in sorted(after.keys() - before.keys())]
    pairs = [(before[path], after[path]) for path in sorted(before.keys() & after.keys())]
    renamed = _renamed(gone, come)
    paired = {row.path for pair in renamed for row in pair}
    images = {
        "added": [row._asdict() for row in come if row.path not in paired],
        "removed": [row._asdict() for row in gone if row.path not in paired],
        "edited": [
            {"path": new.path, "then": old.digest, "now": new.digest} for old, new in pairs if old.digest != new.digest
        ],
        "renamed": [{"then": old.path, "now": new.path} for old, new in renamed],
    }
    captions = [
        {"path": new.path, "then": old.caption, "now": new.caption, "words": words(old.caption, new.caption)}
        for old, new in sorted(pairs + renamed, key=lambda pair: pair[1].path)
        if old.caption != new.caption
    ]
    return images, captions


def _renamed(gone: Sequence[Row], come: Sequence[Row]) -> list[tuple[Row, Row]]:
    """Pairs with the same pixels, those with the same caption first; each image once."""
    pairs: list[tuple[Row, Row]] = []
    for same in (lambda row: (row.digest, row.caption)), (lambda row: row.digest):
        waiting: dict[Any, list[Row]] = {}
        taken = {row.path for pair in pairs for row in pair}
        for row in gone:
            if row.path not in taken:
                waiting.setdefault(same(row), []).append(row)
        pairs += [(waiting[same(row)].pop(0), row) for row in come if row.path not in taken and waiting.get(same(row))]
    return sorted(pairs)


def words(then: str, now: str) -> list[list[str]]:
    """A caption's tags in their order, those that are gone too, as ``[mark, tag]``; a mark is ``+``, ``-`` or empty."""
    from difflib import SequenceMatcher

    before, after = (text.split(", ") if text else [] for text in (then, now))
    found = []
    for kind, from_, to, from_now, to_now in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            found += [["", tag] for tag in before[from_:to]]
        else:
            found += [["-", tag] for tag in before[from_:to]] + [["+", tag] for tag in after[from_now:to_now]]
    return found
