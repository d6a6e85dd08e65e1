"""What a slider has in the place of images: every target is a record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lorabuild.balance.slider import identity, prompts
from lorabuild.core.digest import canonical, digest
from lorabuild.graph import balancing
from lorabuild.graph.pictures import text_id
from lorabuild.graph.records import Learned, text_digests

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lorabuild.graph.view import View
    from lorabuild.schema.slider import Slider

NOT_LEARNED = ("slider.strengths",)
"""Words of ``slider:`` that the training doesn't read."""


def learned(view: View, slider: Slider) -> Iterator[Learned]:
    """Every target as a record: its texts are target, positive, negative and neutral, and it has no latents."""
    texts, rows = view.held("text"), balancing.table(view).targets
    for target, row in zip(slider.targets, rows, strict=True):
        held = [texts[text_id(text)] for text in prompts(target)]
        side = target.resolution or view.project.images.resolution
        record = {
            "id": row.name,
            "concept": row.name,
            "prior": False,
            "repeats": row.per_epoch,
            "latents": "",
            "size": [side, side],
            "pixels": identity(target, view.project.images.resolution),
            "texts": [text_digests(outputs) for _, outputs in held],
            "sizes": [side, side, 0, 0, side, side],
        }
        yield Learned(record, [[key for key, _ in held], row.per_epoch])


def key_parts(view: View, rows: Sequence[Learned]) -> dict[str, Any]:
    """What a slider's training reads beside the words that every training reads."""
    words = {name: value for name, value in view.site.consumed("slider").items() if name not in NOT_LEARNED}
    return (
        {**words, "images.resolution": view.project.images.resolution, "slider texts": _root(rows)} if rows else words
    )


def _root(rows: Sequence[Learned]) -> str:
    return digest(b"\n".join(sorted(canonical(row.keys) for row in rows)))
