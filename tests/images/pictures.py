"""Real picture files, made on the spot: every format, mode and orientation."""

import io

import numpy as np
from PIL import Image, ImageCms

WIDTH, HEIGHT = 48, 32
SAVED = {  # how a format is written so that hardly a pixel changes
    "png": {"format": "PNG"},
    "jpg": {"format": "JPEG", "quality": 95, "subsampling": 0},
    "webp": {"format": "WEBP", "lossless": True},
    "gif": {"format": "GIF"},
    "avif": {"format": "AVIF", "quality": 100, "subsampling": "4:4:4"},
    "bmp": {"format": "BMP"},
    "tiff": {"format": "TIFF"},
}
TURNS = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}  # how a camera stores an upright picture under each orientation: the inverse of what a reader does


def picture(width=WIDTH, height=HEIGHT):
    """Four smooth corners of different colour: every turn of it looks different."""
    down, across = np.mgrid[0:height, 0:width]
    red = 40 + 180 * across / max(1, width - 1)
    green = 40 + 180 * down / max(1, height - 1)
    blue = np.where((across < width / 2) & (down < height / 2), 200, 60)
    return Image.fromarray(np.stack([red, green, blue], -1).astype(np.uint8))


def with_alpha(width=WIDTH, height=HEIGHT):
    """The picture with its left half transparent."""
    image = picture(width, height).convert("RGBA")
    alpha = np.full((height, width), 255, np.uint8)
    alpha[:, : width // 2] = 0
    image.putalpha(Image.fromarray(alpha))
    return image


def encoded(image, kind="png", **more):
    """The bytes of a file."""
    sink = io.BytesIO()
    image.save(sink, **{**SAVED[kind], **more})
    return sink.getvalue()


def turned(image, orientation, kind="jpg"):
    """A file whose pixels are stored turned, with the EXIF orientation that brings them upright."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    turn = TURNS[orientation]
    return encoded(image if turn is None else image.transpose(turn), kind, exif=exif)


def swapped_profile():
    """An sRGB-like matrix profile whose red and green primaries are exchanged: whatever obeys it is easy to see."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    entries = {bytes(profile[p : p + 4]): p for p in range(132, 132 + 12 * profile[131], 12)}
    red, green = entries[b"rXYZ"], entries[b"gXYZ"]
    profile[red + 4 : red + 12], profile[green + 4 : green + 12] = (
        profile[green + 4 : green + 12],
        profile[red + 4 : red + 12],
    )
    return bytes(profile)


def srgb_profile():
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def difference(image, other):
    """Mean difference in levels of 255."""
    first, second = (np.asarray(i.convert("RGB")).astype(int) for i in (image, other))
    return float(np.abs(first - second).mean())
