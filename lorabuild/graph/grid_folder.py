"""Where grids lie: below the output folder, which the report looks into."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from lorabuild.schema.site import Site

FOLDER = "grid"
PAGE = ".html"
FILES = (PAGE, ".webp", ".png")


def out_folder(site: Site) -> Path:
    """The output folder; where that lies outside the project, ``out`` in it."""
    chosen = site.path(site.project.output.folder)
    return chosen if chosen.is_relative_to(site.root) else site.root / "out"


def folder(site: Site) -> Path:
    """Where grids go unless told otherwise, and where the report looks for them."""
    return out_folder(site) / FOLDER
