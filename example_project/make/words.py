"""The words of the drawings' world: which tags exist, what they look like, which words are made up.

Colours are sRGB triples 0-255. A colour word is only ever said of a body: CLIP reads left to right and splits
`red_skin` at the underscore, so the token `red` must already know what it colours.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache

RGB = tuple[int, int, int]

SHAPES = ("round", "square", "triangle", "star", "ghost")
SKINS: dict[str, RGB] = {
    "red": (222, 44, 44),
    "yellow": (246, 208, 48),
    "green": (62, 168, 66),
    "blue": (52, 102, 222),
    "purple": (150, 58, 190),
    "white": (246, 246, 246),
}
TEAL: RGB = (28, 186, 176)
SCENES = ("plain", "grass", "night", "beach", "sunset", "room")
ACCESSORIES = ("hat", "bow", "sunglasses")
SIZES = ("small", "big")
PINK: RGB = (255, 70, 170)
CAPE_RED: RGB = (214, 22, 50)

ODD_SKINS: tuple[RGB, ...] = (  # bodies that no tag names
    (242, 140, 36), (246, 150, 196), (134, 86, 50), (128, 130, 138), (172, 228, 60), (28, 38, 104),
    (118, 20, 42), (216, 184, 132), (192, 168, 238), (44, 44, 50), (232, 50, 160), (250, 150, 120),
    (110, 116, 40), (126, 190, 250),
)  # fmt: skip
ODD_COLOURS: tuple[RGB, ...] = (  # clothes, bellies, horns
    (255, 150, 20), (90, 60, 170), (250, 235, 120), (40, 110, 60), (240, 240, 240), (40, 40, 46),
    (120, 190, 255), (150, 90, 50), (200, 240, 90), (30, 60, 150),
)  # fmt: skip
HEADS = ("antennae", "horns", "ears", "tuft", "halo")
GARMENTS = ("wings", "skirt", "boots", "scarf", "shell", "belt", "balloon")
BELLIES = ("spots", "stripes", "patch")

KNOWN_TAGS: tuple[str, ...] = (
    "1creature",
    *(f"{shape}_body" for shape in SHAPES),
    *(f"{skin}_skin" for skin in SKINS),
    *SCENES,
    *ACCESSORIES,
    *SIZES,
    "limbs",
)
"""The tags that the base model is taught."""

TAGGER_TAGS: tuple[str, ...] = (*KNOWN_TAGS, "teal_skin", "one_eye", "two_eyes", "antennae", "cape", *GARMENTS)
"""The general tags of the tagger, which has seen more of the world than the base."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one made-up word means; an empty field is left to the rest of the caption."""

    shape: str = ""
    skin: RGB | None = None
    one_eye: bool = False
    head: str = ""
    head_rgb: RGB = PINK
    belly: str = ""
    belly_rgb: RGB = PINK
    garment: str = ""
    garment_rgb: RGB = PINK


def _salad(rng: random.Random) -> str:
    """A word that nobody knows: consonants and vowels in turn, four to seven letters."""
    length = rng.randint(4, 7)
    letters = ("bcdfghjklmnpqrstvwxz", "aeiouy")
    turn = rng.randint(0, 1)
    word = "".join(rng.choice(letters[(turn + i) % 2]) for i in range(length - 1))
    return word + rng.choice("bcdfghjklmnpqrstvwxyzaeiou")


def _character(rng: random.Random) -> Look:
    """A whole creature. One eye and antennae never meet in it: that pair is kept for the new creature."""
    one_eye = rng.random() < 0.4
    head = rng.choice(HEADS[1:] if one_eye else (*HEADS, "antennae"))
    belly = rng.choice((*BELLIES, "", ""))
    return Look(
        shape=rng.choice(SHAPES),
        skin=rng.choice(ODD_SKINS),
        one_eye=one_eye,
        head=head if rng.random() < 0.75 else "",
        head_rgb=rng.choice(ODD_COLOURS),
        belly=belly,
        belly_rgb=rng.choice(ODD_COLOURS),
    )


def _part(rng: random.Random) -> Look:
    """One loose part of a look: an eye, something on the head or on the belly, an odd skin."""
    kind = rng.randrange(4)
    if kind == 0:
        return Look(one_eye=True)
    if kind == 1:
        return Look(head=rng.choice(HEADS), head_rgb=rng.choice(ODD_COLOURS))
    if kind == 2:
        return Look(belly=rng.choice(BELLIES), belly_rgb=rng.choice(ODD_COLOURS))
    return Look(skin=rng.choice(ODD_SKINS))


def _outfit(rng: random.Random) -> Look:
    """One piece of clothing."""
    return Look(garment=rng.choice(GARMENTS), garment_rgb=rng.choice(ODD_COLOURS))


@cache
def made_up_words() -> dict[str, dict[str, Look]]:
    """The private vocabulary: kind -> word -> look. The same every time.

    It teaches the base that an unknown word *means* something, so that a new one can be taught later.
    """
    rng = random.Random(20261121)
    taken = {"zorbl", "cape", *(part for tag in TAGGER_TAGS for part in tag.split("_"))}
    kinds = {"character": (48, _character), "outfit": (32, _outfit), "part": (20, _part)}
    words: dict[str, dict[str, Look]] = {}
    for kind, (count, make) in kinds.items():
        looks: dict[str, Look] = {}
        while len(looks) < count:
            word = _salad(rng)
            if word not in taken and "zor" not in word and "cap" not in word:
                taken.add(word)
                looks[word] = make(rng)
        words[kind] = looks
    return words
