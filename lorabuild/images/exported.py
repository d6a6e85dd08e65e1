"""Pictures for other programs: as they are trained on, upright and in sRGB, with what is learned of them as alpha."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image

from lorabuild.images import masks
from lorabuild.images.decode import UnreadableError, prepare

if TYPE_CHECKING:
    from lorabuild.schema.images import Images

__all__ = ["UnreadableError", "mask", "picture"]


def picture(data: bytes, settings: Images, mask: bytes | None = None, name: str = "", moves: str = "") -> bytes:
    """The training picture of a file's bytes as PNG; RGBA where something of it is masked. Raises ``UnreadableError``.

    ``mask`` are the bytes of a file beside it, which is called ``name``; of ``masks: alpha`` it is the file's own.
    ``moves`` are the cuts of its steps.
    """
    prepared = prepare(data, settings, moves)
    found = masks.of_file(mask, prepared, name) if mask is not None else None
    if found is None and settings.masks == "alpha":
        found = masks.of_alpha(prepared)
    image = prepared.image
    if found is not None:
        image = image.copy()
        image.putalpha(found.image)
    return _png(image)


def mask(data: bytes, settings: Images, given: bytes | None, name: str = "", moves: str = "") -> bytes:
    """The mask of a picture in its size as PNG; without one a white one, which hides nothing.

    Raises ``UnreadableError``, in which ``name`` is what the mask is called.
    """
    prepared = prepare(data, settings, moves)
    if given is None:
        return _png(Image.new("L", prepared.image.size, 255))
    return _png(masks.of_file(given, prepared, name).image)


def _png(image: Image.Image) -> bytes:
    written = io.BytesIO()
    image.save(written, "PNG", compress_level=6)
    return written.getvalue()
