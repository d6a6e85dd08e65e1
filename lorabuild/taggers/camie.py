"""Camie taggers, both versions: ONNX, square RGB pictures, logits, of two answers the refined one, a JSON table."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from lorabuild.taggers import location

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    from lorabuild.schema.site import Site
    from lorabuild.schema.taggers import Camie
    from lorabuild.taggers.session import OnnxTagger

READS = "pixels"
FILES = ("camie-tagger-v2.onnx", "camie-tagger-v2-metadata.json")
FIRST = ("model_initial.onnx", "model_initial_metadata.json")
_SIDE = 512
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's colours
_GREY = (124, 116, 104)  # ImageNet's mean: becomes about 0


def digests(settings: Camie, site: Site) -> dict[str, Path]:
    """The model, its table, and weights that the model keeps beside it; all on this machine."""
    found = location.locate(settings.model, _names(settings), site)
    return location.with_weights(dict(zip(FILES, found.values(), strict=True)))


def fetch(settings: Camie, site: Site) -> None:
    """Download what isn't here yet. Raises ProjectError when that fails."""
    location.fetch(settings.model, _names(settings), site)


def costs(settings: Camie, site: Site) -> list[tuple[str, int, bool]]:
    """Name, bytes, and whether it is here, of each of its files on the hub. Goes online; raises ProjectError."""
    return location.costs(settings.model, _names(settings), site)


def key_settings(_settings: Camie) -> dict[str, Any]:
    """Nothing: the model is in the key by its digests, and thresholds are applied to the scores later."""
    return {}


def load(settings: Camie, site: Site, threads: int) -> OnnxTagger:
    """Open the model. Raises ProjectError when it is missing, damaged, or not of this layout."""
    from lorabuild.taggers import session, tag_mapping

    model, table = location.locate(settings.model, _names(settings), site).values()
    mapping = tag_mapping.read(table)
    show = partial(shown, normalized=mapping.described)  # only the second version describes itself
    layout = session.Layout(table.name, show, _SIDE, logits=True, refined=True, spare=True)
    return session.load(model, mapping.rows, layout, site.project.device, threads)


def shown(image: Image.Image, side: int, *, normalized: bool) -> NDArray[np.float32]:
    """float32 [side, side, 3], RGB: fitted into the square with Lanczos, centred.

    The second version has it on ImageNet's mean and normalized by ImageNet's numbers, the first on black in 0 to 1.

    Source: the preparation that the model's author and the programs around it use.
    """
    import numpy as np
    from PIL import Image

    scale = side / max(image.size)
    size = tuple(max(1, int(length * scale)) for length in image.size)
    square = Image.new("RGB", (side, side), _GREY if normalized else (0, 0, 0))
    small = image.resize((size[0], size[1]), Image.Resampling.LANCZOS)
    square.paste(small, ((side - size[0]) // 2, (side - size[1]) // 2))
    pixels = np.asarray(square, dtype=np.float32) / np.float32(255)
    made = (pixels - np.array(_MEAN, np.float32)) / np.array(_DEVIATION, np.float32) if normalized else pixels
    return made.astype(np.float32, copy=False)


def _names(settings: Camie) -> tuple[str, str]:
    """The files of the version that a hub id names."""
    return FIRST if settings.model.partition("@")[0].endswith("/camie-tagger") else FILES
