"""The text of a lora.yaml from its sections, with comments where a person needs them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lorabuild.schema.plain import inline, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

WIDTH = 120
ORDER = (
    *("name", "base", "triggers", "concepts", "images", "captions", "budget", "regularization", "network", "training"),
    *("samples", "output"),
)
ABOUT = {
    "base": "The model that the LoRA is trained on: a hub id, a diffusers folder, or one .safetensors file.",
    "triggers": "Words that the LoRA learns. `absorbs: []` leaves captions as they are; docs/captions.md says more.",
    "concepts": "Folders of pictures. `repeats` is how often an epoch shows each; without it the budget decides.",
    "captions": "Where captions come from.",
    "budget": "An epoch is every picture as often as its `repeats` say; each leaves a LoRA to choose from.",
}


def drafted(sections: Mapping[str, Any], notes: Mapping[str, str], head: Sequence[str], left: Sequence[str]) -> str:
    """The text.

    Args:
        sections: what it says.
        notes: place of a word, with dots → comment behind it.
        head: comment at the top, line by line.
        left: what did not come along, for the end; nothing is said of nothing.
    """
    lines = [f"# {line}" for line in head]
    for name in sorted(sections, key=ORDER.index):
        about = [f"# {ABOUT[name]}"] if name in ABOUT else []
        lines += ["", *about, *_word(name, sections[name], notes, name, 0)]
    if left:
        lines += ["", "# What did not come along, and what to do:", *(f"#   {line}" for line in left)]
    return "\n".join(lines) + "\n"


def _word(name: str, value: Any, notes: Mapping[str, str], dotted: str, depth: int) -> Iterator[str]:
    """A word with its value: on one line where that is short enough and needs no comments inside."""
    indent, written = "  " * depth, quoted(name)
    whole = f"{indent}{written}: {inline(value)}"
    inside = any(place.startswith(f"{dotted}.") for place in notes)
    if isinstance(value, dict) and value and (depth == 0 or inside or len(whole) > WIDTH):
        yield _noted(f"{indent}{written}:", notes.get(dotted))
        for one, entry in value.items():
            yield from _word(one, entry, notes, f"{dotted}.{one}", depth + 1)
    elif isinstance(value, (list, tuple)) and len(whole) > WIDTH:
        yield _noted(f"{indent}{written}:", notes.get(dotted))
        yield from (f"{indent}  - {inline(entry)}" for entry in value)
    else:
        yield _noted(whole, notes.get(dotted))


def _noted(line: str, note: str | None) -> str:
    return f"{line}   # {note}" if note else line
