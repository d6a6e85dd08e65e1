"""Rules of thumb: how many image steps an epoch a concept gets when the budget names no number.

They hold for SD1.5, a network of dim 32 / alpha 16 and eight epochs; more epochs share the same total. All are starting
points from practice, none is a limit.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

EPOCHS = 8
MAIN = {"adamw": 600, "prodigy": 300}
SUB = {"adamw": 200, "prodigy": 100}
LONE = {"adamw": 750, "prodigy": 300}  # about 1000 would suit AdamW, but 8 epochs of it are more than MOST
FINDS_ITS_STEP = ("prodigy", "prodigy_plus_schedule_free", "dadaptation")
MOST = {"adamw": 6000, "prodigy": 3000}  # image steps in all that one trigger should see

LARGE = Fraction(1, 2)  # base models for 1024-pixel pictures
MIN_SNR = Fraction(3, 5)
RETRO = Fraction(1, 3)


def resolve(recipe: str, optimizer: str) -> str:
    """The recipe's name; ``auto`` follows the optimizer, and an optimizer that has none counts as AdamW."""
    return like(optimizer) if recipe == "auto" else recipe


def like(optimizer: str) -> str:
    """The optimizer whose recipes an optimizer takes: they count as AdamW, except those that find the step size."""
    return "prodigy" if optimizer in FINDS_ITS_STEP else "adamw"


def most(optimizer: str) -> int:
    """The most image steps in all that one trigger should see."""
    return MOST[like(optimizer)]


def factor(*, large: bool, min_snr: bool, retro: bool) -> Fraction:
    """What the model, the loss and the kind of pictures make of a recipe."""
    scale = Fraction(1)
    for given, part in ((large, LARGE), (min_snr, MIN_SNR), (retro, RETRO)):
        scale *= part if given else 1
    return scale


def subordinate(triggers: Collection[str], kinds: Mapping[str, str]) -> bool:
    """Whether a concept is a sub-concept: it shows an outfit, while a character is learned as well."""
    return "character" in kinds.values() and any(kinds.get(name) == "outfit" for name in triggers)


def shares(
    concepts: Mapping[str, Collection[str]], kinds: Mapping[str, str], *, recipe: str, epochs: int, scale: Fraction
) -> dict[str, Fraction]:
    """Image steps an epoch for each concept (name → its triggers). A lone concept is a main one whatever it shows."""
    if len(concepts) == 1:
        per_epoch = dict.fromkeys(concepts, LONE[recipe])
    else:
        per_epoch = {
            name: SUB[recipe] if subordinate(triggers, kinds) else MAIN[recipe] for name, triggers in concepts.items()
        }
    return {name: steps * scale * Fraction(EPOCHS, epochs) for name, steps in per_epoch.items()}
