"""The layout of cl_tagger, as the standard trainer's tagger reads it: ONNX, BGR of -1 to 1, logits, a JSON table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lorabuild.taggers import location

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    from lorabuild.schema.site import Site
    from lorabuild.schema.taggers import ClTagger
    from lorabuild.taggers.session import OnnxTagger

READS = "pixels"
FILES = ("model_optimized.onnx", "tag_mapping.json")


def digests(settings: ClTagger, site: Site) -> dict[str, Path]:
    """The model, its table, and weights that the model keeps beside it; all on this machine."""
    return location.with_weights(_files(settings, site))


def fetch(settings: ClTagger, site: Site) -> None:
    """Download what isn't here yet. Raises ProjectError when that fails."""
    location.fetch(settings.model, FILES, site, settings.version)


def costs(settings: ClTagger, site: Site) -> list[tuple[str, int, bool]]:
    """Name, bytes, and whether it is here, of each of its files on the hub. Goes online; raises ProjectError."""
    return location.costs(settings.model, FILES, site, settings.version)


def key_settings(_settings: ClTagger) -> dict[str, Any]:
    """Nothing: the model is in the key by its digests, and thresholds are applied to the scores later."""
    return {}


def load(settings: ClTagger, site: Site, threads: int) -> OnnxTagger:
    """Open the model. Raises ProjectError when it is missing, damaged, or not of this layout."""
    from lorabuild.taggers import session, tag_mapping

    model, table = _files(settings, site).values()
    layout = session.Layout(FILES[1], shown, logits=True, spare=True)
    return session.load(model, tag_mapping.read(table).rows, layout, site.project.device, threads)


def shown(image: Image.Image, side: int) -> NDArray[np.float32]:
    """float32 [side, side, 3], BGR, -1 to 1: a WD14 tagger's white square, divided by 127.5, less 1."""
    from lorabuild.taggers.square import squared

    return squared(image, side) / 127.5 - 1


def _files(settings: ClTagger, site: Site) -> dict[str, Path]:
    return location.locate(settings.model, FILES, site, settings.version)
