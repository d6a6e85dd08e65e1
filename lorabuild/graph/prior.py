"""Prior pictures: which ones the base model is asked to draw for ``regularization:``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lorabuild.balance.buckets import bucket_of
from lorabuild.core.counted import count
from lorabuild.graph import balancing
from lorabuild.graph.view import item

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.core.item import Item
    from lorabuild.graph.view import View

DRAWN_WITH = ("unet", "text_encoder", "tokenizer", "scheduler", "vae")


def prior_pictures(view: View) -> Iterator[Item]:
    """One latents item a prior picture; its key holds everything that the picture is drawn from."""
    wanted = view.project.regularization
    if wanted is None:
        return
    generate = wanted.generate
    prompts = generate.prompts or _class_words(view) or ("",)
    side = view.project.images.resolution
    size = list(bucket_of(side, side, balancing.sizes(view)))
    models = {f"base.{part}": view.inventory.models[part] for part in DRAWN_WITH}
    for index in range(generate.count):
        prompt = chosen(prompts[index % len(prompts)], generate.seed, index)
        reads = {
            "prior": True,
            "prompt": prompt,
            "negative": generate.negative,
            "seed": count("prior", generate.seed, index) % 2**32,
            "steps": generate.steps,
            "cfg": generate.cfg,
            "size": size,
        }
        asked = {f"regularization.{name}": value for name, value in reads.items()}
        parts = {**models, "base.clip_skip": view.project.base.clip_skip, **asked}
        yield item("latents", f"regularization/{index + 1:03d}", parts, reads)


def chosen(prompt: str, seed: int, index: int) -> str:
    """Resolve each ``{a|b|c}`` by counted chance: the same words for the same (seed, index)."""
    places = iter(range(prompt.count("{")))

    def pick(match: re.Match[str]) -> str:
        words = match[1].split("|")
        return words[count("prior words", seed, index, next(places)) % len(words)].strip()

    picked = re.sub(r"\{([^{}]*)\}", pick, prompt)
    return ", ".join(word for word in (part.strip() for part in picked.split(",")) if word)


def _class_words(view: View) -> tuple[str, ...]:
    """In the order of the alphabet: the order in which triggers are declared changes no picture."""
    return tuple(sorted({t.class_ for t in view.project.triggers.values() if t.class_}))
