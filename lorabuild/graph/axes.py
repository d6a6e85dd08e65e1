"""The axes of a grid: their names, what may be written for each, and whether what is written is there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from lorabuild.core.errors import ProjectError
from lorabuild.core.words import nearest
from lorabuild.graph import drawing
from lorabuild.graph.shots import lines
from lorabuild.graph.trained import trained
from lorabuild.schema import blocks
from lorabuild.schema.families import FACTS
from lorabuild.schema.prompt_lines import SAMPLERS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from lorabuild.graph.view import View

WORN = ("epoch", "weight", "blocks", "variant")
"""Axes of the LoRA itself: without it their pictures are one and the same."""

SHOWN = 8
"""So many epochs are shown where nobody says which; and so many prompts, half."""

WEIGHTS = (0.5, 0.75, 1.0, 1.25)
RUN = re.compile(r"(-?\d+(?:\.\d+)?)-(-?\d+(?:\.\d+)?)(?:/(\d+(?:\.\d+)?))?")
"""``1-4``, ``0-1/0.25``: from, to, step."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One direction of a grid: the name of what changes, and its values in order."""

    name: str
    values: tuple[Any, ...]

    def labels(self) -> tuple[str, ...]:
        """What stands at each value."""
        return tuple(label(self.name, value) for value in self.values)


@dataclass(frozen=True, slots=True)
class _Kind:
    """What an axis takes: how its text is read, and its values where none is written (None: they must be)."""

    read: Callable[[View, str], Sequence[Any]]
    usual: Callable[[View], Sequence[Any]] | None = None


def axis(view: View, written: Sequence[str]) -> Axis:
    """An axis as it is written: ``epoch``, ``weight=0.5,1``; said more than once, its values follow each other.

    Raises ``ProjectError`` for an axis or a value that there is not.
    """
    name = written[0].partition("=")[0].strip()
    if name not in KINDS:
        known = nearest(name, KINDS)
        raise _wrong(written[0], f"there is no axis `{name}`", _or(known, f"one of {', '.join(KINDS)}"))
    kind, values = KINDS[name], list[Any]()
    for text in written:
        other, equals, said = text.partition("=")
        if other.strip() != name:
            raise _wrong(text, f"one axis can't be both `{name}` and `{other.strip()}`", "write --x, --y and --z")
        if not equals and kind.usual is None:
            raise _wrong(text, f"`{name}` has no usual values", f"write which: {name}=…")
        try:
            values += kind.read(view, said) if equals else (kind.usual(view) if kind.usual else ())
        except ValueError as error:
            what, hint = (*error.args, "")[:2]
            raise _wrong(text, str(what), str(hint)) from None
    if not values:
        raise _wrong(written[0], f"`{name}` has no values here", f"write some: {name}=…")
    return Axis(name, tuple(dict.fromkeys(values)))


def label(name: str, value: Any) -> str:
    """``epoch 3``, ``weight 0.5``, ``20 steps``; a prompt as it is written."""
    if name == "prompt":
        return str(value) or "(empty prompt)"
    if name == "steps":
        return f"{value} steps"
    if name == "base":
        return f"base {PurePath(value).name if value else '(its own)'}"
    if name == "sampler":
        return f"sampler {value or '(of the base)'}"
    if name == "variant":
        return f"variant {value}" if value else "no variant"
    return f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"


def spread(values: Sequence[Any], most: int) -> list[Any]:
    """At most so many of the values, evenly, with the last one."""
    if len(values) <= most:
        return list(values)
    return [values[round((place + 1) * len(values) / most) - 1] for place in range(most)]


def numbers(text: str) -> list[float]:
    """``1,2,5-8``, ``0-1/0.25`` as numbers. Raises ``ValueError`` for what is none."""
    found: list[float] = []
    for part in (part.strip() for part in text.split(",")):
        if run := RUN.fullmatch(part):
            first, last, step = float(run[1]), float(run[2]), float(run[3] or 1)
            if step <= 0 or last < first or (last - first) / step > 1000:
                raise ValueError(f"`{part}` is too long, or no range", "write it upwards: from-to or from-to/step")
            found += [round(first + step * place, 6) for place in range(int((last - first) / step + 1e-6) + 1)]
            continue
        try:
            found.append(float(part))
        except ValueError:
            raise ValueError(f"`{part}` is no number", "write numbers and ranges: 1,2,5-8 or 0-1/0.25") from None
    return found


def whole(text: str, least: int, most: int = 2**32 - 1) -> list[int]:
    """The same for whole numbers between two. Raises ``ValueError``."""
    found = numbers(text)
    for number in found:
        if not number.is_integer() or not least <= number <= most:
            above = f"from {least}" if most == 2**32 - 1 else f"from {least} to {most}"
            raise ValueError(f"`{number:g}` won't do here", f"whole numbers {above} will")
    return [int(number) for number in found]


def _epochs(view: View, text: str) -> list[int]:
    known = trained(view)
    words = [str(max(known)) if word.strip() == "last" else word for word in text.split(",")]
    for number in (found := whole(",".join(words), 0)):
        if number not in known:
            first, last = min(known), max(known)
            kept = f"{first} to {last}" if len(known) == last - first + 1 else ", ".join(map(str, known))
            raise ValueError(f"there is no epoch {number}", f"trained and kept: {kept}")
    return found


def _prompts(view: View, text: str) -> list[str]:
    """``1,3`` are prompts of lora.yaml by number; anything else is a prompt."""
    known = prompts(view)
    if not re.fullmatch(r"[\d\s,-]+", text):
        return lines(view, text.strip())
    return [known[number - 1] for number in whole(text, 1, len(known))]


def _scales(_view: View, text: str) -> list[float]:
    if low := [number for number in numbers(text) if number < 1]:
        raise ValueError(f"a guidance scale of {low[0]:g} means nothing", "1 is none, 7 is usual")
    return numbers(text)


def _samplers(_view: View, text: str) -> list[str]:
    return [_known(word.strip().lower(), ["", *SAMPLERS], "sampler") for word in text.split(",")]


def _blocks(view: View, text: str) -> list[str]:
    size = FACTS[view.project.base.family].blocks
    found = [word.strip() for word in text.split(",")]
    for word in found:
        blocks.expanded({word: 1.0}, size)
    return found


def variant(view: View, word: str) -> str:
    """The name of a variant that there is; the project's own name, or nothing, is none. Raises ``ProjectError``."""
    names = [one.variant for one in view.all()]
    if word in ("", view.project.name):
        return ""
    if word in names:
        return word
    known = ", ".join(names[1:])
    hint = f"there are {known}" if known else "`variants:` in lora.yaml names some"
    raise ProjectError(f"there is no variant `{word}`", where="variants", next_step=_or(nearest(word, names), hint))


def _variants(view: View, text: str) -> list[str]:
    found = [variant(view, word.strip()) for word in text.split(",")]
    for one in view.all():
        if one.variant in found:
            trained(one)
    return found


def _known(word: str, names: Collection[str], what: str) -> str:
    if word not in names:
        near = nearest(word, names)
        raise ValueError(f"there is no {what} `{word}`", _or(near, f"there are {', '.join(filter(None, names))}"))
    return word


def _or(near: str | None, otherwise: str) -> str:
    return f"did you mean `{near}`?" if near else otherwise


def _wrong(text: str, what: str, hint: str) -> ProjectError:
    return ProjectError(what, where=text if "=" in text else f"axis {text}", next_step=hint)


def _bases(view: View, text: str) -> list[str]:
    """The project's own base first, then the others."""
    others = (word.strip() for word in text.split(","))
    return ["", *(word for word in others if word.rstrip("/") != view.project.base.model.rstrip("/"))]


def prompts(view: View) -> list[str]:
    """The project's prompts; where it has none, the triggers of each concept."""
    concepts = view.project.concepts.values()
    return drawing.texts(view) or list(dict.fromkeys(", ".join(one.triggers) for one in concepts))


def _usual_weights(view: View) -> list[float]:
    slider = view.project.slider
    return [one for one in slider.strengths if one] if slider else list(WEIGHTS)


KINDS = {
    "epoch": _Kind(_epochs, lambda view: spread([*trained(view)], SHOWN)),
    "weight": _Kind(lambda _, text: numbers(text), _usual_weights),
    "prompt": _Kind(_prompts, lambda view: prompts(view)[: SHOWN // 2]),
    "seed": _Kind(lambda _, text: whole(text, 0), lambda view: [view.project.samples.seed + n for n in range(4)]),
    "sampler": _Kind(_samplers, lambda _: ["", "euler_a", "dpm++_2m", "ddim"]),
    "cfg": _Kind(_scales, lambda _: [2.0, 4.0, 7.0, 10.0]),
    "steps": _Kind(lambda _, text: whole(text, 1, 1000), lambda _: [10, 20, 30, 50]),
    "blocks": _Kind(_blocks, lambda _: ["ALL", *(name for name in blocks.PRESETS if name != "NONE")]),
    "base": _Kind(_bases),
    "variant": _Kind(_variants, lambda view: [one.variant for one in view.all()]),
}
"""Every axis, and what it takes."""
