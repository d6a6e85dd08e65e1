"""Words of another trainer on their way into lora.yaml: what each became, and what is left of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from lorabuild.core.words import nearest
from lorabuild.schema.kohya_files import literal
from lorabuild.schema.plain import inline
from lorabuild.schema.project import Project
from lorabuild.schema.words import Word, shape, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MAPPED, DEFAULT, NOTHING, UNKNOWN = "mapped", "default", "nothing", "unknown"
STATUSES = {
    MAPPED: "came along",
    DEFAULT: "needs no word",
    NOTHING: "has no equivalent",
    UNKNOWN: "is unknown",
}
ALWAYS = ("name", "base", "budget", "network", "images.resolution", "images.buckets", "training.optimizer")
SHOWN = (*ALWAYS, "training.batch", "training.schedule", "training.precision", "training.seed", "captions", "output")
"""What is written into lora.yaml even where it says the default: a person looks for it."""


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one word: its name and value there, a status, and where it went, or why it went nowhere."""

    key: str
    value: Any
    status: str
    what: str
    dotted: str = ""


@dataclass
class Moving:
    """Words on their way.

    Attributes:
        words: word there → value; those that a file says, over what is assumed.
        given: the words that a file says.
        names: word → what the file calls it, where that is something else.
        sections: lora.yaml so far.
        told: what became of each word that a file says.
        done: words that were looked at.
    """

    words: dict[str, Any]
    given: frozenset[str]
    names: Mapping[str, str]
    sections: dict[str, Any] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)
    done: set[str] = field(default_factory=set)

    def get(self, key: str, usual: Any = None) -> Any:
        """The value of a word; from then on it counts as looked at."""
        self.done.add(key)
        value = literal(self.words.get(key))
        return usual if value in (None, "") else value

    def put(self, dotted: str, value: Any, *keys: str) -> None:
        """Write a word, which comes from these; at its default it is written only where a person looks for it."""
        said = next((word for word in all_words() if word.dotted == dotted), None)
        usual = said is not None and not said.field.is_required() and plainly(said.field.default) == value
        if usual and not any(f"{dotted}.".startswith(f"{place}.") for place in SHOWN):
            self.tell(DEFAULT, f"`{dotted}` is {inline(value)} anyway", *keys)
            return
        write(self.sections, dotted, value)
        self.tell(MAPPED, f"{dotted}: {inline(value)}", *keys, dotted=dotted)

    def tell(self, status: str, what: str, *keys: str, dotted: str = "") -> None:
        """Say what became of words, as far as a file says them; that one needs no word only where nothing else is."""
        self.done |= set(keys)
        spoken = {one.key for one in self.told} if status == DEFAULT else set()
        for key in keys:
            if key in self.given and self.names.get(key, key) not in spoken:
                self.told.append(Told(self.names.get(key, key), self.words[key], status, what, dotted))

    def rest(self, anyway: Mapping[str, str], nothing: Mapping[str, str], known: Iterable[str]) -> None:
        """Say what became of the words that nobody looked at."""
        for key in [key for key in self.words if key not in self.done]:
            off = literal(self.words[key]) in (None, "", 0, False, "None")
            if key in anyway:
                self.tell(DEFAULT, anyway[key], key)
            elif key in nothing:
                self.tell(DEFAULT if off else NOTHING, "off there, too" if off else nothing[key], key)
            else:
                near = nearest(key, known)
                hint = f"; is `{near}` meant?" if near else ""
                self.tell(UNKNOWN, f"no word of the standard trainer that is known here{hint}", key)


@cache
def all_words() -> tuple[Word, ...]:
    """Every word of lora.yaml."""
    return tuple(words(Project))


@cache
def word_of(dotted: str) -> Word:
    """The word at a place; of several variants the first."""
    return next(word for word in all_words() if word.dotted == dotted)


def fitting(dotted: str, value: Any) -> Any:
    """A value in the type that a word takes. Raises ``ValueError`` where it is none."""
    kind = shape(word_of(dotted).field.annotation)
    if kind.kind == "choice" and kind.choices and isinstance(kind.choices[0], int):
        return int(float(value))
    if kind.kind != "value":
        return value
    if kind.value is bool:
        return value if isinstance(value, bool) else str(value).lower() in ("1", "true", "yes")
    if kind.value is int:
        return int(float(value))
    return float(value) if kind.value is float else str(value)


def plainly(value: Any) -> Any:
    """Pairs as lists."""
    return list(value) if isinstance(value, tuple) else value


def write(sections: dict[str, Any], dotted: str, value: Any) -> None:
    """Put a value at its place."""
    *above, name = dotted.split(".")
    for one in above:
        sections = sections.setdefault(one, {})
    sections[name] = value


def take(sections: dict[str, Any], dotted: str) -> bool:
    """Take away the value at a place, and the sections that are empty then. Returns whether it was there."""
    name, _, rest = dotted.partition(".")
    if name not in sections or (rest and not isinstance(sections[name], dict)):
        return False
    if not rest:
        del sections[name]
        return True
    taken = take(sections[name], rest)
    if taken and not sections[name]:
        del sections[name]
    return taken


def ordered(sections: dict[str, Any], above: str = "") -> dict[str, Any]:
    """The same, in the order in which the words are declared."""
    places = {word.dotted: -number for number, word in enumerate(reversed(all_words()))}
    found = sorted(sections, key=lambda name: places.get(f"{above}{name}", 0))
    return {
        name: ordered(entry, f"{above}{name}.") if isinstance(entry := sections[name], dict) else entry
        for name in found
    }
