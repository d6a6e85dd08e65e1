"""What the craft lets each kind of trigger absorb; ``absorbs``, ``keeps`` and ``level`` in lora.yaml overrule it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from lorabuild.schema.concepts import Trigger


class Craft(NamedTuple):
    """Tag patterns of a kind.

    Attributes:
        usual: what it absorbs where `absorbs` is not written.
        more: what else is intrinsic to it; `level: static` absorbs it, too.
    """

    usual: tuple[str, ...] = ()
    more: tuple[str, ...] = ()


KINDS = {
    "character": Craft(
        ("@eyes", "@hair", "@skin", "@makeup", "@face_marks", "@subject_count"),
        ("@body_size", "@body_parts", "@species"),
    ),
    "outfit": Craft(("@garments",), ("@accessory",)),  # never @footwear: pruned shoes pull towards full-body shots
    "pose": Craft(("@pose",), ("@gaze",)),
    "situation": Craft(),
    "object": Craft(),
    "style": Craft(("@style",)),
}
"""Kind → its craft. Of an object or a situation only the person knows which tags say it."""


def absorbed(trigger: Trigger) -> tuple[str, ...]:
    """The patterns that a trigger replaces, by its level, its kind and its own list."""
    if trigger.level == "fluid":
        return ()
    craft = KINDS[trigger.kind]
    chosen = craft.usual if trigger.absorbs is None else trigger.absorbs
    return tuple(dict.fromkeys((*craft.usual, *craft.more, *chosen))) if trigger.level == "static" else chosen


def told(trigger: Trigger) -> dict[str, Any]:
    """What `plan` says of a trigger: its kind and level, the patterns that it replaces, and those that it leaves."""
    patterns = {"absorbs": list(absorbed(trigger)), "keeps": list(trigger.keeps)}
    return {"kind": trigger.kind, "level": trigger.level, **patterns}
