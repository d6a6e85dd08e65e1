"""The places on the disk that a lora.yaml names, and the ways that lead there: what a watch looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lorabuild.graph.mirror import FOLDER as MIRROR
from lorabuild.graph.sources import watched
from lorabuild.graph.stepping import model_files
from lorabuild.schema.loaded import FILE
from lorabuild.schema.parts import parts

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from lorabuild.core.look import Wanted
    from lorabuild.schema.loaded import Loaded
    from lorabuild.schema.site import Site


def wanted(projects: Iterable[Loaded]) -> Wanted:
    """Concept folders, models and the mirror with all that is in them, and lora.yaml.

    The folders above them, up to the project's, are watched for nothing in them: there a place vanishes and comes back.
    """
    found: dict[str, frozenset[str] | None] = {}
    for site in [loaded.site for loaded in projects]:
        for path in (site.root / FILE, *inputs(site)):
            _add(found, path, whole=path.name != FILE and not path.is_file())
            for above in _way(path, site.root):
                found.setdefault(str(above), frozenset())
    return found


def inputs(site: Site) -> list[Path]:
    """Concepts' folders, sources, models, the mirror; they need not be there: a model of the hub is not."""
    project = site.project
    texts = [concept.folder or "" for concept in project.concepts.values()]
    texts += [project.regularization.folder or ""] if project.regularization else []
    texts += [project.samples.file or "", *model_files(site)]
    texts += [other.file for step in project.finish for other in step.merge or ()]
    texts += [project.base.model, *(getattr(part, "model", "") for part in parts(project.captions.tagger))]
    return [*(site.path(text) for text in dict.fromkeys(texts) if text), *watched(site), site.root / MIRROR]


def _add(found: dict[str, frozenset[str] | None], path: Path, *, whole: bool) -> None:
    if whole:
        found[str(path)] = None
    elif (names := found.get(str(path.parent), frozenset())) is not None:
        found[str(path.parent)] = names | {path.name}


def _way(path: Path, root: Path) -> list[Path]:
    """The folders above a place, up to the project's; of a place outside only the next one."""
    return [above for above in path.parents if above.is_relative_to(root)] or [path.parent]
