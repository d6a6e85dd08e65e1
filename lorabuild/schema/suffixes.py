"""Which files count as pictures: by their ending, before anything is opened. It needs neither Pillow nor pydantic."""

from __future__ import annotations

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".jfif", ".webp", ".gif", ".avif", ".bmp", ".tif", ".tiff"})
