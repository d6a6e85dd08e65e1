"""A page with something of everything on it, made of plain pictures: for tests that look at it as a whole."""

import base64

from lorabuild.balance.algebra import Finding
from lorabuild.publish import chart, gather, upset
from lorabuild.publish.page import Picture

DOT = "UklGRh4AAABXRUJQVlA4TBEAAAAvAAAAAAdQvCrUrf+BiOh/AAA="
PIXEL = Picture(base64.b64decode(DOT), "image/webp", 1, 1)
WORDS = [["zorbl", "contaminated-word", ["orb"], "the base reads `z orb l` and knows `orb`", "take a free word"]]
EPOCHS = (1, 2, 3, 4)
MEASURED = {"validation": 0.1, "training": 0.2, "likeness": None, "usable": [0.5, 1.25]}
ROWS = [{"epoch": epoch, "score": 0.2 * epoch, **MEASURED} for epoch in EPOCHS]
PICK = {
    "epoch": 3,
    "weight": 0.8,
    "verdict": "overtrained",
    "why": ["Loss rises behind it.", "It looks alike."],
    "source": "images held out",
    "eye": "CLIP",
    "worn": [
        {"weight": 0.8, "likeness": 0.5, "harshness": 1.0, "fried": False},
        {"weight": 2.0, "likeness": -0.4, "harshness": 1.5, "fried": True},
    ],
}
GRID = {
    "name": "epoch-weight",
    "file": "grid/epoch weight.html",
    "axes": ["epoch", "weight", ""],
    "fixed": [["prompt", "zorbl, forest"], ["seed", "42"]],
    "columns": [["without LoRA", True], ["epoch 3", False]],
    "rows": [["weight 0.5", False], ["weight 1", False]],
    "pages": [["", False]],
    "cells": [["zorbl · bare", "b3:g0"], ["zorbl · epoch 3", "b3:g1"], ["zorbl · bare", "b3:g0"], ["a hole", None]],
}
PARTS = {"unet": "b3:" + "ab" * 32, "vae": "b3:" + "cd" * 32}
RECORD = {"device": "cpu", "dtype": "float32", "threads": 1, "machine": "Linux x86_64", "torch": "2.13.0"}


def filled(reads):
    """What the report stage reads, with every word that it may be told."""
    prompts = ("zorbl, forest", "zorbl, zorbl_cape, a rather long prompt, beach, big, limbs, sunset")
    pictures = [
        {"prompt": prompt, "epoch": epoch, "weight": float(epoch > 0), "picture": f"b3:{prompt}{epoch}", "seed": 42}
        for prompt in prompts
        for epoch in (0, *EPOCHS)
    ]
    pair = {"concept": "plain", "used": "dataset/plain/00.png", "left": "dataset/plain/copy.png", "paths": []}
    return {
        **reads,
        "pictures": pictures,
        "duplicates": [pair],
        "words": WORDS,
        "probe": {"answers": {"zorbl": 0.71}, "pictures": {"zorbl": "b3:probe"}},
        "pick": {**PICK, "rows": ROWS},
        "grids": [GRID, {**GRID, "name": "large", "cells": [["zorbl", "b3:no room"]] * 4}],
        "models": {"base": {"source": "base/", "revision": "0a1b2c", "parts": PARTS}},
        "record": {"train": [RECORD], "sample": [{**RECORD, "deterministic": True}]},
        "settings": "b3:" + "12" * 32,
        "lock": "34" * 32,
    }


def drawings(project, reads, picture=PIXEL):
    """Pictures and curves for ``filled`` reads; ``picture`` is called with a number where it isn't one itself."""
    draw = picture if callable(picture) else (lambda _: picture)
    cards = {(image["concept"], image["id"]): draw(place) for place, image in enumerate(reads["images"])}
    losses, concepts = [0.3, 0.2, 0.2, 0.1], {"plain": [(0, 0.3), (3, 0.1)], "cape": [(1, 0.2), (2, 0.2)]}
    rates = {"U-Net": [1e-3] * 4, "text encoder": [5e-4, 5e-4, 5e-4, 0]}
    history = chart.History(losses, losses, [*EPOCHS], {1: 0.4, 4: 0.2}, concepts, rates)
    words = [Finding(trigger, code, tuple(about), text, remedy) for trigger, code, about, text, remedy in WORDS]
    return gather.Drawings(
        images=cards,
        samples={entry["picture"]: draw(place) for place, entry in enumerate(reads["pictures"])},
        curves=chart.curves(history),
        losses=((1, 0.3), (4, 0.1)),
        validated={1: 0.4, 4: 0.2},
        learning=upset.learning(project, reads, {"zorbl": ("teal_skin",), "zorbl_cape": ("cape",)}, words),
        twins={"dataset/plain/copy.png": (draw(0), draw(0))},
        probes={"zorbl": draw(1)},
        cells={"b3:g0": draw(2), "b3:g1": draw(3)},
    )
