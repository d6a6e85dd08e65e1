"""What to do about a finding: a sentence, and the lines to write into ``lora.yaml``, with the project's own names."""

from __future__ import annotations

import json
import re
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from lorabuild.balance.sets import listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lorabuild.balance.algebra import Source, Word
    from lorabuild.balance.sets import Sets

WIDTH = 72
PART = 0.2  # of a folder that is shown once more under other triggers
_PLAIN = re.compile(r"(?!(?:yes|no|on|off|true|false|null|y|n)$)[A-Za-z0-9_./-]*[A-Za-z_][\w./-]*", re.IGNORECASE)


def alone(sets: Sets, trigger: str, others: Sequence[str]) -> str:
    """A group that shows a trigger without others: new pictures, or some of the old ones once more (retagged)."""
    kinds = {sets.words[name].kind for name in others}
    return _told(
        f"Show {trigger} without {listed(others)}: other pictures, or some of these once more under {trigger} alone "
        f"(duplicate and retag), whose captions then say what {listed(others)} would absorb.",
        concepts=_apart(sets, trigger, f"{trigger}_alone" if "character" in kinds else "misc"),
    )


def shared(sets: Sets, trigger: str, things: Sequence[str], owners: Sequence[str], *, everywhere: bool) -> str:
    """A trigger for a thing that several groups share; where all of them show it, a group that doesn't as well.

    Without ``things`` what they share is only a wider word for what each has of its own.
    """
    if not things:
        return alone(sets, trigger, owners)
    name = f"{trigger}_{re.split('[^a-z0-9]', min(things, key=lambda tag: (len(tag), tag)))[-1] or 'part'}"
    places = [sets.cells[place].source for place in sorted(sets.of(trigger)) if _takes(sets, place, things)]
    concepts: dict[str, Any] = {source.name: {"triggers": _with(source, name, trigger)} for source in places}
    text = f"Give it a trigger of its own, before those that absorb it now: {name} then stands for {listed(things)}."
    if everywhere:
        concepts |= _apart(sets, trigger, "misc")
        text = (
            f"Give it a trigger of its own ({name}), and {trigger} a group without it: other pictures, or some of "
            f"these once more under {trigger} alone (duplicate and retag), whose captions then say it. If it is no "
            "thing of its own, that group is enough."
        )
    return _told(text, triggers={name: {"kind": "object", "absorbs": list(things)}}, concepts=concepts)


def _apart(sets: Sets, trigger: str, name: str) -> dict[str, Any]:
    """A new folder under one trigger, and a part of its largest folder once more."""
    source, name = sets.largest(sets.of(trigger)), _new(sets, name)
    return {
        name: {"folder": _beside(source, name), "triggers": [trigger]},
        _new(sets, f"{source.name}_{trigger}"): {"folder": source.folder, "triggers": [trigger], "share": PART},
    }


def freed(sets: Sets, trigger: str, other: str, *, otherwise: str) -> str:
    """Half of the images of both lose the trigger that meets the other one too often."""
    source = sets.largest(sets.of(trigger) & sets.of(other))
    rest = [name for name in source.triggers if name != trigger]
    free = _new(sets, f"{source.name}_free")
    if not source.whole:
        return f"Give {source.name} a smaller weight, or {otherwise}."
    return _told(
        f"Free half of {source.name} from {trigger} (its captions then say what {trigger} absorbs), or {otherwise}.",
        concepts={
            source.name: {"share": 0.5},
            free: {"folder": source.folder, "triggers": rest, "rest_of": source.name},
        },
    )


def absorb(text: str, word: Word, tags: Sequence[str]) -> str:
    """Let a trigger take these tags as well."""
    return _told(text, triggers={word.name: {"absorbs": [*word.absorbs, *tags]}})


def looked_at(source: Source, times: float, *, alone: bool, steps: int | None, epochs: int) -> str:
    """Look at a concept, or where it is the only one at everything, so many times as often."""
    if source.repeats:
        return repeated(source, source.repeats * times)
    if not alone:
        weight = {"weight": round(source.weight * times + 0.05, 1)}
        return _told("Give it a larger share of the budget (the others get less).", concepts={source.name: weight})
    return budget(times, steps, epochs)


def repeated(source: Source, repeats: float) -> str:
    """Other repeats for a concept whose repeats are written."""
    how = "more" if repeats > (source.repeats or 0) else "less"
    return _told(f"Repeat it {how} often.", concepts={source.name: {"repeats": max(1, round(repeats))}})


def budget(times: float, steps: int | None, epochs: int) -> str:
    """So many times the steps; where the recipe gives them, the epochs."""
    change = "Train longer." if times > 1 else "Train less, or give its concepts a smaller weight."
    up = 1 if times > 1 else 0
    if steps is None:
        return _told(change, budget={"epochs": max(1, int(epochs * times) + up)})
    return _told(change, budget={"steps": max(1, int(steps * times / 100) + up) * 100})


def named(source: Source, names: Sequence[str]) -> str:
    """Every character that a concept shows is named."""
    return _told(
        "Name everyone whom the images show, in caption order; someone who has no trigger gets one.",
        concepts={source.name: {"triggers": list(names)}},
    )


def _with(source: Source, name: str, shared: str) -> list[str]:
    """A concept's triggers with one more, right behind the shared one: the first that takes a tag has it."""
    place = source.triggers.index(shared) + 1
    return [*source.triggers[:place], name, *source.triggers[place:]]


def _takes(sets: Sets, place: str, tags: Iterable[str]) -> bool:
    cell, wanted = sets.cells[place], set(tags)
    return any(tag in wanted and 2 * count >= cell.images for (tag, _), count in cell.taken.items())


def _new(sets: Sets, name: str) -> str:
    """A name that no concept has."""
    taken = {cell.source.name for cell in sets.cells.values()}
    return next(free for free in (name, *(f"{name}_{number}" for number in range(2, 999))) if free not in taken)


def _beside(source: Source, name: str) -> str:
    """A folder beside that of a concept."""
    return "/".join([*source.folder.rstrip("/").split("/")[:-1], name])


def _told(text: str, **sections: Mapping[str, Mapping[str, Any] | Any]) -> str:
    lines = [text]
    for section, entries in sections.items():
        lines.append(f"{section}:")
        for name, value in entries.items():
            lines += wrap(
                f"{_yaml(name)}: {_yaml(value)}",
                WIDTH,
                initial_indent="  ",
                subsequent_indent="    ",
                break_long_words=False,
                break_on_hyphens=False,
            )
    return "\n".join(lines)


def _yaml(value: Any) -> str:
    """A value in YAML's flow style."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_yaml(entry)}" for name, entry in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_yaml, value)) + "]"
    if isinstance(value, str) and not _PLAIN.fullmatch(value):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
