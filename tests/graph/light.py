"""A project that is planned, and built up to ``balance``, without loading a model.

``plain`` has a, b, c and d, which is a's twin; ``cape`` has e, which is wider, with a caption by hand. Tags come from
``.tags`` files. The base model is a folder of the right shape with nothing in it: planning reads digests only. What
the stages behind ``balance`` would make is planted in the real store.
"""

import json
from contextlib import contextmanager

from PIL import Image

from lorabuild.core.store import Store
from lorabuild.graph.build import build
from lorabuild.graph.inventory import take
from lorabuild.graph.plan import ITEMS
from lorabuild.graph.view import View
from lorabuild.graph.wishes import Wishes
from lorabuild.schema.check import check
from lorabuild.schema.load import load

COLOURS = {"plain/a": "red", "plain/b": "green", "plain/c": "blue", "plain/d": "red", "cape/e": "white"}
TAGS = {"plain/a": "1creature, hat", "plain/b": "1creature", "plain/c": "1creature, bow", "plain/d": "1creature, hat"}
SETTINGS = {
    "name": "tiny",
    "base": {"model": "base"},
    "triggers": {
        "zorbl": {"kind": "character", "class": "creature", "absorbs": ["1creature"]},
        "zorbl_cape": {"kind": "outfit", "absorbs": ["cape"]},
    },
    "concepts": {
        "plain": {"folder": "data/plain", "triggers": ["zorbl"]},
        "cape": {"folder": "data/cape", "triggers": ["zorbl", "zorbl_cape"]},
    },
    "images": {"resolution": 64},
    "captions": {"tagger": {"type": "sidecar", "extension": ".tags"}},
    "budget": {"steps": 24, "epochs": 2},
    "samples": {"prompts": ["zorbl", "zorbl, zorbl_cape"]},
    "device": {"type": "cpu", "threads": 1},
}
PLANTED = {
    "latents": ({"latents": b"numbers"}, {}),
    "text": ({"tokens": b"numbers"}, {}),
    "train": (
        {"epoch-0001": b"first" * 9999, "epoch-0002": b"second" * 9999, "log": b"{}"},
        {"steps": 24, "epochs": 2, "loss": 0.1, "seconds_a_step": 0.5},
    ),
    "sample": ({"picture": b"picture"}, {}),
    "package": ({"tiny.safetensors": b"lora", "tiny.json": b"{}"}, {"files": {"tiny.json": {"bytes": 2}}}),
    "report": ({"report.html": b"<html>"}, {}),
}


def picture(path, colour, size=(64, 64)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)
    return path


def base(folder):
    """The files of a diffusers folder with a VAE factor of 4, as far as planning looks at them."""
    blocks = {"block_out_channels": [8, 8, 8]}
    configs = {"unet": blocks, "vae": blocks, "text_encoder": {}, "scheduler": {}, "tokenizer": {}}
    names = {"scheduler": "scheduler_config.json", "tokenizer": "tokenizer.json"}
    weights = {"unet": "diffusion_pytorch_model", "vae": "diffusion_pytorch_model", "text_encoder": "model"}
    for part, config in configs.items():
        (folder / part).mkdir(parents=True)
        (folder / part / names.get(part, "config.json")).write_text(json.dumps(config), "utf-8")
        if part in weights:
            (folder / part / f"{weights[part]}.safetensors").write_bytes(part.encode())
    return folder


def make(root, **sections):
    """The project's folder; a section of lora.yaml given here replaces the usual one."""
    base(root / "base")
    for name, colour in COLOURS.items():
        picture(root / f"data/{name}.png", colour, (128, 32) if name == "cape/e" else (64, 64))
    for name, text in TAGS.items():
        (root / f"data/{name}.tags").write_text(text, "utf-8")
    (root / "data/cape/e.txt").write_text("a creature in a cape", "utf-8")
    write(root, **sections)
    return root


def write(root, **sections):
    """Write lora.yaml (JSON is YAML); None leaves a section out."""
    settings = {name: value for name, value in (SETTINGS | sections).items() if value is not None}
    (root / "lora.yaml").write_text(json.dumps(settings, indent=1), "utf-8")


def opened(root, *overrides):
    loaded = load(root, list(overrides))
    check(loaded)
    return loaded


def built(root, *overrides, targets=("balance",), **wishes):
    """Build; what it answered, and every event."""
    events = []
    done = build(opened(root, *overrides), Wishes(targets=targets, **wishes), events.append)
    return done, events


@contextmanager
def viewed(root, *overrides, date=None):
    """A view that may be planted."""
    loaded = opened(root, *overrides)
    with Store(root / ".lorabuild") as store:
        yield View(loaded.site, take(loaded.site, store), store, ITEMS, date=date)


def plant(view, *stages):
    """Store a result for everything that these stages have to do."""
    for stage in stages:
        outputs, facts = PLANTED[stage]
        with view.store.writer(stage) as door:
            for item in view.step(stage).todo:
                door.done(item, {name: door.write(data) for name, data in outputs.items()}, facts=facts)
        assert view.again(stage).clean
        view.store.remember(stage, view.step(stage).items)


def finished(root):
    """Build what is light, plant the rest."""
    built(root)
    with viewed(root) as view:
        plant(view, *PLANTED)
    return root


def items(view, stage):
    """Item id → item."""
    return {item.id: item for item in view.step(stage).items}


def redone(root, *overrides):
    """Stage → ids of what a build would do now, without the stages that are clean."""
    with viewed(root, *overrides) as view:
        steps = [view.step(stage) for stage in ITEMS]
        return {step.stage: [item.id for item in step.todo] + list(step.waiting) for step in steps if not step.clean}
