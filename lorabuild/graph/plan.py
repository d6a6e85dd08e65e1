"""The plan: which function says what the items of a stage are. A new stage is one line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lorabuild.graph import finished, learning, pictures, products, reporting, tagging

if TYPE_CHECKING:
    from lorabuild.graph.view import Drafts

ITEMS: dict[str, Drafts] = {
    "scan": pictures.scan,
    "prepare": pictures.prepare,
    "tag": tagging.tag,
    "caption": pictures.caption,
    "balance": pictures.balance,
    "latents": pictures.latents,
    "text": pictures.text,
    "train": learning.train,
    "sample": finished.sample,
    "package": products.package,
    "report": reporting.report,
}
