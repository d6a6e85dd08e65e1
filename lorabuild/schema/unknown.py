"""What to say about a word that lora.yaml does not have: where it belongs, or which word was meant."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from lorabuild.core.words import nearest
from lorabuild.schema.expected import listed
from lorabuild.schema.foreign import FOREIGN
from lorabuild.schema.project import Project
from lorabuild.schema.words import fields, words

if TYPE_CHECKING:
    from lorabuild.schema.section import Section

MOST_PLACES = 3


def unknown(
    name: str, section: type[Section], dotted: str, variants: tuple[tuple[str, type[Section]], ...] = ()
) -> tuple[str, str]:
    """What is wrong with an unknown word, and what to write.

    Args:
        name: the word.
        section: the record in which it stands.
        dotted: its place, with ``<name>`` for what a person named.
        variants: the other forms of that section.
    """
    around = dotted.rpartition(".")[0]
    what = f"there is no word `{name}` under `{around}`" if around else f"there is no word `{name}` in lora.yaml"
    kinds = [kind for kind, other in variants if other is not section and name in fields(other)]
    if kinds:
        return (
            f"`{name}` is a word of {listed([f'type: {kind}' for kind in kinds])}",
            f"write that type, or leave `{name}` out",
        )
    if name in FOREIGN:
        return what, _belongs(FOREIGN[name], around)
    homes = _homes().get(name, ())
    if 0 < len(homes) <= MOST_PLACES:
        return what, f"`{name}` belongs under {listed([home or 'the top level' for home in homes], last=' or ')}"
    known = list(fields(section))
    if near := nearest(name, known):
        return what, f"did you mean `{near}`?"
    if elsewhere := nearest(name, [*_homes(), *FOREIGN]):
        target = FOREIGN.get(elsewhere) or ".".join(part for part in (_homes()[elsewhere][0], elsewhere) if part)
        return what, f"did you mean `{target.rpartition('.')[2]}`? {_belongs(target, around)}"
    return what, f"known here: {', '.join(known)}"


def _belongs(target: str, around: str) -> str:
    home, _, word = target.rpartition(".")
    if home == around:
        return f"write `{word}`"
    return f"write `{word}` under `{home}`" if home else f"write `{word}` at the top level"


@cache
def _homes() -> dict[str, tuple[str, ...]]:
    """Word → the sections that have it."""
    found: dict[str, dict[str, None]] = {}
    for word in words(Project):
        found.setdefault(word.name, {})[word.dotted.rpartition(".")[0]] = None
    return {name: tuple(homes) for name, homes in found.items()}
