"""The contamination probe: what the base answers to each trigger before it is trained, kept in the store."""

from __future__ import annotations

import re
from statistics import median
from typing import TYPE_CHECKING, Any

from lorabuild.captions.lexicon import answer, nonsense, plain
from lorabuild.core.claim import claim
from lorabuild.core.digest import make_key
from lorabuild.core.errors import ProjectError
from lorabuild.core.files import write_atomic
from lorabuild.core.item import Item
from lorabuild.core.store import Store
from lorabuild.graph import basis

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lorabuild.captions.lexicon import Lexicon
    from lorabuild.core.item import Outputs, Result
    from lorabuild.graph.view import View

STAGE, VERSION = "probe", 1
_NO_FILE = re.compile(r"[^\w-]")


def answers(view: View, lexicon: Lexicon) -> dict[str, float]:
    """Trigger → how much the base answers it: 0 as a nonsense word, 1 as a plain one. What is missing is made now.

    Raises BusyError while a build has the store, ProjectError for a base without any plain word.
    """
    if not view.project.triggers:
        return {}
    if not plain(lexicon):
        raise ProjectError(
            "the base knows no plain word with which triggers could be compared",
            where="base.model",
            next_step="`lorabuild triggers` without `--probe` tells all else",
        )
    return _answers(view, _made(view, lexicon), lexicon)


def known(view: View) -> dict[str, Result]:
    """Trigger → what the base made of it, as far as it was asked; nothing is made now."""
    items = _triggers(view)
    held = view.store.results(item.key for item in items)
    lacking = view.store.missing_blobs(held.values())
    return {item.id: held[item.key] for item in items if item.key in held and item.key not in lacking}


def known_answers(view: View, lexicon: Lexicon) -> dict[str, float]:
    """The answers of :func:`answers`, where the base was asked about every word; else nothing."""
    items = [*_triggers(view), *_beside(view, lexicon)]
    held = view.store.results(item.key for item in items)
    if not plain(lexicon) or any(item.key not in held for item in items):
        return {}
    return _answers(view, {item.id: held[item.key] for item in items}, lexicon)


def keys(view: View, lexicon: Lexicon) -> set[str]:
    """The keys of all that these answers are found by, for ``gc``."""
    return {item.key for item in (*_triggers(view), *_beside(view, lexicon))}


def pictures(view: View) -> dict[str, bytes]:
    """Trigger → its picture (PNG), as far as it was made: above without a word, below with the trigger alone."""
    items = _triggers(view)
    with Store(view.store.folder, read_only=True) as store:  # the view's own may be older than what it finds now
        held = store.results(item.key for item in items)
        return {item.id: store.read(held[item.key].outputs["picture"]) for item in items if item.key in held}


def laid_out(view: View) -> Path:
    """The folder of the pictures as files, written anew: they are for looking at, and nothing reads them."""
    folder = view.store.folder / STAGE
    for name, picture in pictures(view).items():
        folder.mkdir(exist_ok=True)
        write_atomic(folder / f"{_NO_FILE.sub('_', name)}.png", picture)
    return folder


def _answers(view: View, made: Mapping[str, Result], lexicon: Lexicon) -> dict[str, float]:
    found = {word: float(result.facts["distance"]) for word, result in made.items()}
    low, high = (median(found[word] for word in words) for words in (nonsense(lexicon), plain(lexicon)))
    return {name: answer(found[name], low, high) for name in view.project.triggers}


def _triggers(view: View) -> list[Item]:
    return [_item(view, name, drawn=True) for name in view.project.triggers]


def _beside(view: View, lexicon: Lexicon) -> list[Item]:
    """The words that triggers are compared with, those that are no trigger."""
    words = (*nonsense(lexicon), *plain(lexicon))
    return [_item(view, word, drawn=False) for word in words if word not in view.project.triggers]


def _made(view: View, lexicon: Lexicon) -> dict[str, Result]:
    """Word → its result, for triggers and for the words that they are compared with."""
    items = [*_triggers(view), *_beside(view, lexicon)]
    held = dict(view.store.results(item.key for item in items))
    lacking = view.store.missing_blobs(held.values())
    todo = [item for item in items if item.key not in held or item.key in lacking]
    if todo:
        folder = view.store.folder
        with claim(folder, wait=False, say=lambda _: None), Store(folder) as store:
            with store.writer(STAGE) as outputs:
                _run(view, todo, outputs)
            held |= store.results(item.key for item in todo)
    return {item.id: held[item.key] for item in items}


def _item(view: View, word: str, *, drawn: bool) -> Item:
    """One word. What the pictures read is the whole base; the distance alone doesn't need the VAE."""
    models = basis.for_drawing(view) if drawn else basis.for_training(view)
    parts: dict[str, Any] = {**models, "side": _side(view), "word": word}
    return Item(word, make_key(STAGE, VERSION, parts), {"stage version": VERSION, **parts}, {"drawn": drawn})


def _side(view: View) -> int:
    """Width and height of what is drawn: the training's, as far as the base can."""
    side, step = view.project.images.resolution, view.inventory.base.vae_factor * view.inventory.base.unet_factor
    return max(step, side - side % step)


def _run(view: View, items: Sequence[Item], outputs: Outputs) -> None:
    """Ask the base; it is loaded once."""
    from lorabuild.evaluate import picture
    from lorabuild.models import device as devices
    from lorabuild.models import family
    from lorabuild.models.probe import Probe

    settings = view.project.device
    device = devices.pick(settings)
    dtype = devices.drawing(device)
    model = family.load(view.inventory.base, view.project.base, family.PARTS, device, dtype)
    probe = Probe(model, _side(view), settings.batch)
    record = devices.record(device, dtype, settings.batch)
    for item in items:
        made: Mapping[str, str] = {}
        if item.reads["drawn"]:
            made = {"picture": outputs.write(picture.png(probe.picture(item.id).numpy()))}
        outputs.done(item, made, facts={"distance": probe.distance(item.id)}, record=record)
