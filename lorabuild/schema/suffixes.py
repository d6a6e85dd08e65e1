"""Which files count as pictures, and which as masks: by their names alone. It imports nothing."""

from __future__ import annotations

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".jfif", ".webp", ".gif", ".avif", ".bmp", ".tif", ".tiff"})
MASK_ENDINGS = (".mask", "-masklabel")
"""``a.mask.png`` is the mask of ``a.jpg`` beside it; the second form is OneTrainer's."""
MASK_FOLDER = "masks"
"""``masks/a.png`` is the mask of ``a.jpg`` beside the folder."""
ARCHIVES = frozenset({".zip", ".cbz"})
FILMS = frozenset({".mkv", ".mp4", ".m4v", ".mov", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".m2ts", ".wmv", ".flv"})
LISTS = frozenset({".csv", ".jsonl"})
MOVING = frozenset({".gif", ".webp", ".png", ".apng", ".avif"})
"""Pictures that may have several frames."""
ERASED = ".erase"
"""``a.erase.png`` marks what is erased of ``a.jpg`` beside it."""
PERSON = ("full_body", "cowboy", "upper_body", "portrait")
"""Cuts that need a person in the picture."""
