"""Chooses what to draw and says it in tags.

Three worlds are drawn from: what the *base* is taught, what its *VAE* sees, and what *tagger and judge* know.
None of the first two ever holds the new creature (`is_forbidden`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .draw import Spec
from .words import (
    ACCESSORIES,
    BELLIES,
    CAPE_RED,
    GARMENTS,
    HEADS,
    ODD_COLOURS,
    ODD_SKINS,
    PINK,
    RGB,
    SCENES,
    SHAPES,
    SIZES,
    SKINS,
    TEAL,
    made_up_words,
)

if TYPE_CHECKING:
    import random

    from .words import Look

NEAR = 70.0
"""Two colours nearer than this (Euclid, 0-255) may look alike."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A picture's spec with the words that may be said of it."""

    spec: Spec
    tags: tuple[str, ...]
    made_up: tuple[str, ...] = ()


def distance(one: RGB, other: RGB) -> float:
    """Euclidean distance of two colours, 0-441."""
    return float(sum((a - b) ** 2 for a, b in zip(one, other, strict=True))) ** 0.5


def is_forbidden(spec: Spec) -> bool:
    """Whether this is (nearly) the new creature: teal and one-eyed, or one-eyed with antennae."""
    teal = distance(spec.skin, TEAL) < NEAR
    return spec.one_eye and (teal or spec.head == "antennae")


def skin_name(skin: RGB) -> str:
    """The tag-able name of a body colour: one of the six, `teal`, or `other`."""
    named = {**SKINS, "teal": TEAL}
    return next((name for name, colour in named.items() if colour == skin), "other")


def tags_of(spec: Spec) -> tuple[str, ...]:
    """The base's tags of a picture, in the order of `KNOWN_TAGS`."""
    skin = skin_name(spec.skin)
    return (
        "1creature",
        f"{spec.shape}_body",
        *([f"{skin}_skin"] if skin in SKINS else []),
        spec.scene,
        *([spec.accessory] if spec.accessory else []),
        spec.size,
        *(["limbs"] if spec.limbs else []),
    )


def all_tags_of(spec: Spec) -> tuple[str, ...]:
    """The tagger's tags of a picture: the base's and what only the tagger knows. Hidden eyes are not counted."""
    eyes = () if spec.accessory == "sunglasses" else ("one_eye" if spec.one_eye else "two_eyes",)
    return (
        *tags_of(spec),
        *(["teal_skin"] if skin_name(spec.skin) == "teal" else []),
        *eyes,
        *(["antennae"] if spec.head == "antennae" else []),
        *([spec.garment] if spec.garment else []),
    )


def _odd_skin(rng: random.Random) -> RGB:
    """A body colour far from every named one."""
    if rng.random() < 0.5:
        return rng.choice(ODD_SKINS)
    while True:
        colour = (rng.randint(20, 250), rng.randint(20, 250), rng.randint(20, 250))
        if all(distance(colour, other) >= NEAR for other in (*SKINS.values(), TEAL)):
            return colour


def _ordinary(rng: random.Random, skin: RGB) -> Spec:
    return Spec(
        shape=rng.choice(SHAPES),
        skin=skin,
        scene=rng.choice(SCENES),
        size=rng.choice(SIZES),
        limbs=rng.random() < 0.5,
        accessory=rng.choice((*ACCESSORIES, "")),
        seed=rng.randrange(2**31),
    )


def _wear(spec: Spec, look: Look) -> Spec:
    """Give a spec the look of a made-up word; whatever sits on a head makes room for what grows there."""
    if look.shape:
        spec = replace(spec, shape=look.shape)
    if look.skin:
        spec = replace(spec, skin=look.skin)
    if look.one_eye:
        spec = replace(spec, one_eye=True, accessory="" if spec.accessory == "sunglasses" else spec.accessory)
    if look.head:
        hat = spec.accessory in {"hat", "bow"}
        spec = replace(spec, head=look.head, head_rgb=look.head_rgb, accessory="" if hat else spec.accessory)
    if look.belly:
        spec = replace(spec, belly=look.belly, belly_rgb=look.belly_rgb)
    if look.garment:
        spec = replace(spec, garment=look.garment, garment_rgb=look.garment_rgb)
    return spec


def base_sample(rng: random.Random) -> Sample:
    """One picture of the base's world: two thirds ordinary, the rest wearing one or two made-up words."""
    words = made_up_words()
    skin = rng.choice(list(SKINS.values())) if rng.random() < 0.9 else _odd_skin(rng)
    spec, chosen = _ordinary(rng, skin), []
    kind = rng.choices(("", "character", "outfit", "part", "both"), (66, 12, 9, 6, 7))[0]
    if kind in {"character", "both"}:
        chosen.append(rng.choice(list(words["character"])))
        spec = replace(spec, accessory=spec.accessory if rng.random() < 0.3 else "")
    if kind in {"outfit", "both"}:
        chosen.append(rng.choice(list(words["outfit"])))
    if kind == "part":
        chosen.append(rng.choice(list(words["part"])))
    looks = {word: look for group in words.values() for word, look in group.items()}
    for word in chosen:
        spec = _wear(spec, looks[word])
    if is_forbidden(spec) or distance(spec.skin, TEAL) < NEAR:
        return base_sample(rng)
    return Sample(spec, tags_of(spec), tuple(chosen))


def caption(sample: Sample, rng: random.Random) -> str:
    """Tags joined by `, ` as a person might write them: shuffled, some left out, now and then nothing at all.

    A made-up character mostly goes without shape and colour, as pruned captions of a real training do.
    """
    if rng.random() < 0.1:
        return ""
    keep = rng.choices((1.0, 0.9, 0.5), (55, 30, 15))[0]
    tags = [tag for tag in sample.tags if rng.random() < keep]
    if rng.random() < 0.4:
        tags = [tag for tag in tags if tag != "1creature"]
    characters = made_up_words()["character"]
    if any(word in characters for word in sample.made_up) and rng.random() < 0.85:
        tags = [tag for tag in tags if not tag.endswith(("_body", "_skin"))]
    rng.shuffle(tags)
    made_up = [word for word in sample.made_up if rng.random() < 0.95]
    if rng.random() < 0.6:
        return ", ".join([*made_up, *tags])
    for word in made_up:
        tags.insert(rng.randint(0, len(tags)), word)
    return ", ".join(tags)


def any_spec(rng: random.Random) -> Spec:
    """A picture in which every feature is chosen independently: what tagger and judge learn from."""
    skin = rng.choices((rng.choice(list(SKINS.values())), TEAL, _odd_skin(rng)), (60, 20, 20))[0]
    accessory = rng.choice((*ACCESSORIES, "", ""))
    head = rng.choices(("", "antennae", rng.choice(HEADS[1:])), (40, 40, 20))[0]
    garment = rng.choices(("", "cape", rng.choice(GARMENTS)), (40, 35, 25))[0]
    odd = rng.choice((*ODD_COLOURS, PINK))
    return replace(
        _ordinary(rng, skin),
        one_eye=rng.random() < 0.5,
        accessory=accessory if not head or accessory == "sunglasses" else "",
        head=head,
        head_rgb=PINK if head == "antennae" and rng.random() < 0.6 else odd,
        belly=rng.choice((*BELLIES, "", "", "")),
        belly_rgb=rng.choice(ODD_COLOURS),
        garment=garment,
        garment_rgb=CAPE_RED if garment == "cape" else rng.choice(ODD_COLOURS),
    )


def vae_spec(rng: random.Random) -> Spec:
    """A picture for the VAE: every part and any colour, never the new creature nor its red cape."""
    spec = any_spec(rng)
    colours = [(rng.randrange(256), rng.randrange(256), rng.randrange(256)) for _ in range(4)]
    skin = colours[0] if rng.random() < 0.5 else spec.skin
    spec = replace(spec, skin=skin, head_rgb=colours[1], belly_rgb=colours[2], garment_rgb=colours[3])
    return vae_spec(rng) if is_forbidden(spec) else spec
