"""What the train stage reads of each picture, and what of it is learned, for its key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from lorabuild.balance.crop import told
from lorabuild.core.digest import canonical, digest
from lorabuild.graph import balancing
from lorabuild.graph.members import everyone
from lorabuild.graph.pictures import file_of, text_id
from lorabuild.graph.prior import prior_pictures
from lorabuild.graph.wording import wording

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lorabuild.balance.buckets import Size
    from lorabuild.graph.members import Member
    from lorabuild.graph.view import View


class Learned(NamedTuple):
    """A picture as a record of the train stage, and the keys of what is learned from it, and how often."""

    record: dict[str, Any]
    keys: list[Any]


class _Seen(NamedTuple):
    """A picture that is learned from.

    Attributes:
        id, concept, words: what it is called, its concept (none for a prior picture), its caption.
        size, bucket: as it was, and as it is trained.
        pixels: what its randomness is counted from.
        latents: digest of its latents; empty where they aren't cached.
        key: of its latents, or what they would be made from.
        repeats: how often an epoch shows it.
        file: where to read it from, where its latents aren't cached.
    """

    id: str
    concept: str
    words: str
    size: Size
    bucket: Size
    pixels: str
    latents: str
    key: Any
    repeats: int = 1
    file: dict[str, Any] | None = None


def learned(view: View) -> Iterator[Learned]:
    """Every training picture, and every prior one."""
    texts = view.held("text")
    for seen in _seen(view):
        forms, times = wording(view, seen.words, seen.concept), seen.repeats
        held = [texts[text_id(form)] for form in forms.texts]
        record = {
            "id": seen.id,
            "concept": seen.concept,
            "prior": not seen.concept,
            "repeats": times,
            "latents": seen.latents,
            "size": list(seen.bucket),
            "pixels": seen.pixels,
            "texts": [text_digests(outputs) for _, outputs in held],
            "sizes": list(told(seen.size, seen.bucket)),
            "early": forms.early,
            "file": seen.file,
        }
        yield Learned(record, [[key for key, _ in held], seen.key, times])


def text_digests(outputs: Mapping[str, str]) -> list[str | None]:
    """Digests of token ids and hidden states."""
    return [outputs["tokens"], outputs.get("hidden")]


def roots(rows: Iterable[Learned]) -> dict[str, str]:
    """One digest a concept over what is learned from it, in no order."""
    concepts: dict[str, list[bytes]] = {}
    for row in rows:
        concepts.setdefault(row.record["concept"], []).append(canonical(row.keys))
    return {
        f"images.{concept or 'regularization'}": digest(b"\n".join(sorted(found)))
        for concept, found in sorted(concepts.items())
    }


def _seen(view: View) -> Iterator[_Seen]:
    known, cached = view.held("latents"), view.project.images.cache
    for member in everyone(view):
        if member.twin or member.caption is None or not member.size or not member.pixels:
            continue
        for fit in balancing.fits(view, member):
            about = (fit.id, member.concept, member.caption, member.size, fit.bucket, member.pixels)
            times = balancing.repeats(view, member)
            if not cached:
                yield _Seen(*about, "", _made_from(member, fit.bucket), times, file_of(view, member))
            elif fit.id in known:
                key, outputs = known[fit.id]
                yield _Seen(*about, outputs["latents"], key, times)
    for prior in prior_pictures(view):
        width, height = prior.reads["size"]
        key, outputs = known[prior.id]
        yield _Seen(prior.id, "", prior.reads["prompt"], (width, height), (width, height), key, outputs["latents"], key)


def _made_from(member: Member, bucket: Size) -> list[Any]:
    """What the key of its latents would read of a picture."""
    return [member.pixels, list(bucket), member.mask]


def without_cache(view: View) -> dict[str, Any]:
    """What a training without a cache reads beside the pictures: everything that the key of latents would."""
    images = view.project.images
    words = ("cache", "flip", "masks", "background", "color_augment", "random_crop")
    told = {f"images.{word}": getattr(images, word) for word in words}
    return {} if images.cache else {"base.vae": view.inventory.models["vae"], **told}
