"""The items of the stages that work image by image – scan to text – and of the balance between them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from lorabuild.captions import groups, prune
from lorabuild.captions.levels import by_frequency, for_images
from lorabuild.captions.rules import rules_as_dict
from lorabuild.captions.select import thresholds_of
from lorabuild.core.digest import canonical, digest
from lorabuild.core.files import read_if_there
from lorabuild.graph import balancing, basis, stepping
from lorabuild.graph.course import slider_texts
from lorabuild.graph.members import Fresh, Member, clash_of_alike, everyone, fresh, usable
from lorabuild.graph.mirror import by_hand
from lorabuild.graph.prior import prior_pictures, prior_waiting
from lorabuild.graph.view import Draft, Taken, View, Waiting, item
from lorabuild.graph.wording import most_forms, wording

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lorabuild.core.item import Item, Result
    from lorabuild.graph.imagefile import ImageFile
    from lorabuild.schema.caption_rules import CaptionRules


ASKED = {
    **{name: f"budget.{name}" for name in ("steps", "epochs", "recipe", "retro")},
    **{name: f"training.{name}" for name in ("batch", "accumulation")},
    "optimizer": "training.optimizer.type",
    "min_snr": "training.min_snr_gamma",
    "prior": "regularization",
    "priors": "regularization images",
}
"""What the balance is asked → the words of lora.yaml that say it, for ``why``."""


def scan(view: View) -> Iterator[Draft]:
    """One item a file that can be opened; a source that is not taken apart yet waits."""
    yield Taken(view.settled("scan"))
    yield from map(Waiting, view.inventory.sources.waiting)
    for file in view.inventory.files.values():
        if file.digest:
            yield item("scan", file.path, {"file": file.digest}, {"path": str(file.absolute), "file": file.digest})


def prepare(view: View) -> Iterator[Draft]:
    """One item an image that can be decoded."""
    images = view.project.images
    settings = {"images.background": images.background}
    settings |= {"images.masks": images.masks} if images.masks != "none" else {}
    yield Taken(view.settled("prepare"))
    scanned = view.made("scan")
    for file in view.inventory.files.values():
        if file.digest and file.path not in scanned:
            yield Waiting(file.path)
        elif file.digest and not scanned[file.path].problem:
            known = {"pixels": scanned[file.path].facts["pixels"], **settings}
            yield from (_prepare(one, known) for one in stepping.pictures(view, file))


def _prepare(file: ImageFile, known: dict[str, Any]) -> Item:
    """A picture of an image, and what is done to it."""
    steps, asked = file.steps or ({}, {})
    parts = {**known, **steps}
    reads: dict[str, Any] = {"path": str(file.absolute), "file": file.digest, **({"steps": asked} if asked else {})}
    if file.mask:
        parts["mask"] = file.mask_digest
        reads["mask"] = {"path": str(file.mask), "file": file.mask_digest, "name": file.mask.name}
    return item("prepare", file.path, parts, reads)


def caption(view: View) -> Iterator[Draft]:
    """One item an image in a concept; pure text."""
    if clash_of_alike(view):
        view.look_again()
    rules = for_images(view.project, lambda more: _rules(view, more))
    tagged = view.made("tag")
    frequency = _frequency(view, tagged) if by_frequency(view.project) else None
    yield Taken(view.settled("caption"))
    triggers = {name: _triggers(view, concept.triggers) for name, concept in view.project.concepts.items()}
    for member in fresh(view):
        result = tagged.get(member.file.path)
        if result is None:
            yield Waiting(member.id)
        elif not result.problem:
            asked = {**rules(member.concept, member.file.path), **triggers.get(member.concept, {"triggers": []})}
            counted = frequency if asked["captions.order"] == "frequency" else None
            yield _caption(view, member, asked, result, counted)


def _rules(view: View, more: Sequence[CaptionRules]) -> dict[str, Any]:
    """What of the rules, and of the files that they need, makes a caption."""
    held, captions = view.inventory, view.project.captions
    rules = {f"captions.{name}": value for name, value in rules_as_dict(captions, more).items()}
    if held.implications:
        rules["captions.implications"] = held.implications
    if "captions.max_tokens" in rules:
        rules |= {f"base.{part}": mark for part, mark in held.models.items() if part.startswith("tokenizer")}
    return rules | groups.parts(rules["captions.drop"])


def _triggers(view: View, names: Sequence[str]) -> dict[str, Any]:
    """What of a concept's triggers makes its captions; their classes don't."""
    return {**prune.as_key(view.project.triggers, names), "triggers": list(names)}


def _caption(view: View, member: Fresh, asked: dict[str, Any], tags: Result, frequency: dict[str, int] | None) -> Draft:
    words = read_if_there(place) if (place := by_hand(view, member)) else None
    parts = {
        **asked,
        "tags": tags.key,
        "text by hand": None if words is None else digest(words),  # of what is read now, not of an earlier look
        "tag frequency": digest(canonical(frequency)) if frequency else None,
    }
    if words and view.project.training.wildcards:
        parts["training.wildcards"] = True
    reads = {
        "scores": tags.outputs["scores"],
        "override": None if words is None else words.decode("utf-8", errors="replace"),
        "triggers": asked["triggers"],
        "frequency": frequency,
        "concept": member.concept,
        "path": member.file.path,
    }
    return item("caption", member.id, parts, reads)


def _frequency(view: View, tagged: dict[str, Result]) -> dict[str, int]:
    """In how many images each tag scores above the general threshold of its tagger."""
    import json

    least = [one.general for one in thresholds_of(view.project.captions.tagger)]
    blobs = [result.outputs["scores"] for result in tagged.values() if not result.problem]
    found: Counter[str] = Counter()
    for scores in map(json.loads, view.store.read_each(blobs)):
        found.update(
            {
                tag
                for tag, score, category, *place in scores
                if category != "prose" and score >= least[place[0] if place else 0]
            }
        )
    return dict(sorted(found.items()))


def balance(view: View) -> Iterator[Draft]:
    """The one item that turns the budget into repeats; a slider has none, and nothing to repeat."""
    if view.project.slider:
        return
    if any(result is None for _, result in usable(view)):
        yield Waiting("balance")
        return
    request = balancing.request(view).as_dict()
    parts = {ASKED.get(name, name): value for name, value in request.items()}
    parts["concepts"] = {concept["name"]: concept for concept in request["concepts"]}
    yield item("balance", "balance", parts, {"request": request})


def latents(view: View) -> Iterator[Draft]:
    """One item an image and resolution that is trained on, and one a prior picture."""
    settings = {"images.flip": view.project.images.flip, "base.vae": view.inventory.models["vae"]}
    yield Taken(view.settled("latents"))
    known = frozenset(view.settled("latents").ids)
    for member in everyone(view) if view.project.images.cache else ():
        if member.twin or (member.id in known and len(balancing.resolutions(view, member)) == 1):
            continue
        for fit in balancing.fits(view, member):
            if member.pixels is None or member.size is None:
                yield Waiting(fit.id)
            elif fit.id not in known:
                seen = {"pixels": member.pixels, "bucket": list(fit.bucket)}
                masked = {"prepare.mask": member.mask} if member.mask else {}
                reads = {**seen, **file_of(view, member)}
                yield item("latents", fit.id, {**settings, **seen, **masked}, reads)
    yield from prior_pictures(view)
    yield from (Waiting(name) for name in prior_waiting(view))


def file_of(view: View, member: Member) -> dict[str, Any]:
    """Where a stage reads an image from: path, moves, digest of its mask, and that one's path where it has a file."""
    if member.mask is None:
        return member.seen(view)
    place = member.absolute(view).parent / member.side if member.side else None
    side = view.store.blobs.path(member.kept[1]) if member.kept[1] else place
    return {**member.seen(view), "mask": member.mask, **({"side": str(side)} if side else {})}


def text(view: View) -> Iterator[Draft]:
    """One item a distinct text: captions, prior prompts, and the empty caption."""
    training = view.project.training
    frozen = training.train == "unet"
    parts: dict[str, Any] = {**basis.for_texts(view, frozen=frozen), "hidden states": frozen}
    texts = {
        form
        for member in everyone(view)
        if member.caption is not None
        for form in wording(view, member.caption, member.concept).texts
    }
    texts |= {form for prior in prior_pictures(view) for form in wording(view, prior.reads["prompt"]).texts} | {""}
    texts |= slider_texts(view.project)
    taken = view.settled("text").only({text_id(words) for words in texts})
    yield Taken(taken)
    known = frozenset(taken.ids)
    for words in sorted(words for words in texts if text_id(words) not in known):
        yield item("text", text_id(words), {**parts, "text": words}, {"text": words, "frozen": frozen})
    captions = view.made("caption")
    waiting = [member.id for member in fresh(view) if member.id not in captions]
    yield from (Waiting(f"{name} #{form}" if form else name) for name in waiting for form in range(most_forms(view)))


def text_id(words: str) -> str:
    """What a person calls a text."""
    return words or "(empty)"
