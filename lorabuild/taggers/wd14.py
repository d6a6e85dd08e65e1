"""The WD14 family (v2, v3): ONNX, square BGR pictures of 0 to 255, scores as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lorabuild.taggers import location

if TYPE_CHECKING:
    from pathlib import Path

    from lorabuild.schema.site import Site
    from lorabuild.schema.taggers import Wd14
    from lorabuild.taggers.session import OnnxTagger

READS = "pixels"
FILES = ("model.onnx", "selected_tags.csv")


def digests(settings: Wd14, site: Site) -> dict[str, Path]:
    """The model, its table, and weights that the model keeps beside it; all on this machine."""
    return location.with_weights(location.locate(settings.model, FILES, site))


def fetch(settings: Wd14, site: Site) -> None:
    """Download what isn't here yet. Raises ProjectError when that fails."""
    location.fetch(settings.model, FILES, site)


def costs(settings: Wd14, site: Site) -> list[tuple[str, int, bool]]:
    """Name, bytes, and whether it is here, of each of its files on the hub. Goes online; raises ProjectError."""
    return location.costs(settings.model, FILES, site)


def key_settings(_settings: Wd14) -> dict[str, Any]:
    """Nothing: the model is in the key by its digests, and thresholds are applied to the scores later."""
    return {}


def load(settings: Wd14, site: Site, threads: int) -> OnnxTagger:
    """Open the model. Raises ProjectError when it is missing, damaged, or not of this layout."""
    from lorabuild.taggers import selected_tags, session
    from lorabuild.taggers.square import squared

    model, table = location.locate(settings.model, FILES, site).values()
    layout = session.Layout(FILES[1], squared)
    return session.load(model, selected_tags.read(table), layout, site.project.device, threads)
