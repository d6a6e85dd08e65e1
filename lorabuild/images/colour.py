"""From any pixel mode and colour profile to sRGB with eight bits, transparency kept apart."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageCms

SAME = 2  # levels of 255 by which a profile may differ from sRGB and still count as sRGB


class ModeError(ValueError):
    """A pixel mode whose range of values is not agreed on."""


def srgb(image: Image.Image) -> Image.Image:
    """The picture as RGB, or as RGBA where something may be transparent. Raises ``ModeError`` for 32-bit pixels."""
    if image.mode == "RGBA" and not image.info.get("icc_profile"):
        return image
    colours, alpha = _apart(image)
    result = _profiled(colours, image.info.get("icc_profile"))
    if alpha is not None:
        result.putalpha(alpha)
    return result


def _apart(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Colours (L, RGB or CMYK) and alpha (L or None)."""
    if image.mode in ("I", "F"):
        raise ModeError("it has 32-bit pixels, whose range nobody knows; save it with 8 or 16 bits")
    if image.mode.startswith("I;16"):
        return _sixteen_bit(image)
    grey = image.mode in ("1", "L", "LA", "La")
    if image.has_transparency_data:
        whole = image.convert("LA").convert("RGBA") if image.mode == "La" else image.convert("RGBA")
        return whole.getchannel("R") if grey else whole.convert("RGB"), whole.getchannel("A")
    if image.mode == "CMYK":
        return image, None
    return _as(image, "L" if grey else "RGB"), None


def _as(image: Image.Image, mode: str) -> Image.Image:
    """The picture in a mode; not a copy where it has it."""
    return image if image.mode == mode else image.convert(mode)


def _sixteen_bit(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Grey with 16 bits, rounded to 8; a single transparent value becomes alpha."""
    values = np.asarray(image).astype(np.uint32)
    grey = Image.fromarray(((values * 255 + 32767) // 65535).astype(np.uint8))
    clear = image.info.get("transparency")
    if not isinstance(clear, int):
        return grey, None
    return grey, Image.fromarray(np.where(values == clear, 0, 255).astype(np.uint8))


def _profiled(colours: Image.Image, profile: bytes | None) -> Image.Image:
    """RGB after the colour profile; a profile that is broken, or meant for other colours, is left out."""
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            return _transformed(colours, source)
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass
    return _as(colours, "RGB")


def _transformed(colours: Image.Image, source: ImageCms.ImageCmsProfile) -> Image.Image:
    """Through a transform of its own: one that several threads share is not safe."""
    if source.profile.xcolor_space.strip() == "RGB" and colours.mode == "L":
        colours = colours.convert("RGB")
    transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), colours.mode, "RGB")
    if colours.mode != "CMYK" and _is_srgb(transform, colours.mode):
        return _as(colours, "RGB")
    applied = transform.apply(colours)
    applied.info.pop("icc_profile", None)
    return applied


def _is_srgb(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Whether the profile means sRGB: then pixels stay as they are, and adding such a profile changes no digest."""
    levels = np.arange(256, dtype=np.uint8)
    ramps = [np.stack([levels if on else 0 * levels for on in mask], -1) for mask in _CORNERS]
    patch = Image.fromarray(levels[None] if mode == "L" else np.stack(ramps))
    moved = np.asarray(transform.apply(patch)).astype(int) - np.asarray(patch.convert("RGB")).astype(int)
    return int(np.abs(moved).max()) <= SAME


_CORNERS = ((1, 1, 1), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (1, 0, 1), (0, 1, 1))
