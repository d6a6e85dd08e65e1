"""The items of ``tag``: one an image; where several taggers are merged, with what each of them said before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lorabuild.core.words import hand
from lorabuild.graph.members import clash, usable
from lorabuild.graph.members import seen as seen_at
from lorabuild.graph.view import Draft, Taken, View, Waiting, item
from lorabuild.schema.parts import by_name, files_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lorabuild.core.item import Item
    from lorabuild.schema.taggers import Tagger

Asked = list[tuple[str, dict[str, Any]]]  # of each tagger: what it sees of an image, and its share of the key


def tag(view: View) -> Iterator[Draft]:
    """One item an image: by its pixels, or by its side file where tags come from there, or by both."""
    if clash(view):
        view.look_again()
    tagger = view.project.captions.tagger
    whole, asked, several = _settings(tagger, view.inventory.tagger), _asked(view, tagger), hasattr(tagger, "of")
    yield Taken(view.settled("tag"))
    items = []
    for file, prepared in usable(view):
        if prepared is None:
            yield Waiting(file.path)
            continue
        seen = {"pixels": prepared.facts["pixels"], "text": file.tags_digest}
        reads: dict[str, Any] = {
            **seen_at(view, file, prepared),
            "pixels": seen["pixels"],
            "side": str(file.tags) if file.tags else None,
        }
        if several:
            own = [item("tag", file.path, {**settings, what: seen[what]}) for what, settings in asked]
            reads["of"] = [{"key": one.key, "parts": one.parts} for one in own]
        items.append(item("tag", file.path, {**whole, **{what: seen[what] for what, _ in asked}}, reads))
    if several:
        _remembered(view, items)
    yield from items


def _asked(view: View, tagger: Tagger) -> Asked:
    """Every tagger as it would stand alone, so that what it said alone is what it says with others."""
    files = files_of(tagger, view.inventory.tagger)
    return [
        ("text" if hand("taggers", part.type).READS == "side" else "pixels", _settings(part, files[what]))
        for what, part in by_name(tagger).items()
    ]


def _settings(tagger: Tagger, files: Mapping[str, str]) -> dict[str, Any]:
    """What of a tagger changes its scores: its kind, its words, the digests of its files."""
    return {
        "captions.tagger.type": tagger.type,
        **hand("taggers", tagger.type).key_settings(tagger),
        **{f"tagger.{file}": digest for file, digest in files.items()},
    }


def _remembered(view: View, items: Sequence[Item]) -> None:
    """Say for every part of every item what it scored, and on what, where the store knows it: it isn't asked again."""
    wanted = [part for one in items for part in one.reads["of"]]
    found = view.store.results(part["key"] for part in wanted)
    lost = view.store.missing_blobs(found.values())
    for part in wanted:
        result = found.get(part["key"])
        if result and not result.problem and result.key not in lost:
            part |= {"scores": result.outputs["scores"], "record": dict(result.record)}
