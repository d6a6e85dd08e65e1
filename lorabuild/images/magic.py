"""What a file is, by its first bytes. It needs no Pillow and never fails."""

from __future__ import annotations

HEAD = 64  # bytes that are enough

READABLE = ("PNG", "JPEG", "WebP", "GIF", "AVIF", "BMP", "TIFF")

_STARTS = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"8BPS", "Photoshop"),
    (b"%PDF", "PDF"),
    (b"PK\x03\x04", "zip"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"gimp xcf", "GIMP"),
)
_AVIF = (b"avif", b"avis")
_HEIF = (b"heic", b"heix", b"mif1", b"msf1")


def kind(head: bytes) -> str | None:
    """Name of the format that a file with this head has, one of ``READABLE`` or another; None when it is unknown."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    if head[4:8] == b"ftyp":
        return _boxed(head)
    for start, name in _STARTS:
        if head.startswith(start):
            return name
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype", b"<html")):
        return "web page"
    return "SVG" if text.startswith((b"<svg", b"<?xml")) else None


def _boxed(head: bytes) -> str:
    """A file of the MP4 family: its main brand, or else the compatible ones, tell pictures from films."""
    brands = [head[place : place + 4] for place in range(8, min(len(head), int.from_bytes(head[:4])), 4)]
    if any(brand in _AVIF for brand in brands):
        return "AVIF"
    return "HEIC" if brands and brands[0] in _HEIF else "video"
