"""The resolutions that the words of a project ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lorabuild.schema.image_steps import StepRules
    from lorabuild.schema.images import Images
    from lorabuild.schema.project import Project


def resolutions(project: Project) -> list[int]:
    """Every resolution, of all levels, ascending."""
    levels: list[Images | StepRules] = [project.images, *project.images.for_]
    levels += [concept.images for concept in project.concepts.values() if concept.images]
    return sorted({side for level in levels for side in (level.resolution, *(level.more_resolutions or ())) if side})
