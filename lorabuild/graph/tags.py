"""The tags of a project's images, from what was built: a table, the images of a filter, the mirror."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

from lorabuild.captions import expression
from lorabuild.captions.frequency import table
from lorabuild.captions.select import selected, thresholds_of
from lorabuild.captions.tags import spelling_key, texts
from lorabuild.core.claim import claim
from lorabuild.core.errors import ProjectError
from lorabuild.core.words import nearest
from lorabuild.graph import mirror
from lorabuild.graph.members import captioned, members

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lorabuild.graph.members import Member
    from lorabuild.graph.view import View


class Image(NamedTuple):
    """An image in a concept.

    Attributes:
        id: names it, with the concept where several share the folder.
        concept: the concept's name.
        caption: its caption; None before it has one.
        tags: behind the triggers, or with ``raw`` what the tagger saw.
        triggers: the concept's triggers.
    """

    id: str
    concept: str
    caption: str | None
    tags: tuple[str, ...]
    triggers: tuple[str, ...]

    def keys(self) -> frozenset[str]:
        """What a filter asks: tags and triggers."""
        return frozenset(map(spelling_key, (*self.tags, *self.triggers)))


def tags(view: View, wanted: str = "", *, concept: str | None = None, raw: bool = False) -> dict[str, Any]:
    """What ``tags --json`` prints: how many images, of how many, how many wait for tags, and every tag's counts.

    Args:
        view: the project.
        wanted: a filter over tags and triggers; only the images that it takes are counted.
        concept: only the images of this one.
        raw: what the tagger saw, instead of what stands in the captions.

    Raises:
        ProjectError: there is a mistake in the filter, or no such concept.
    """
    found, about = _found(view, wanted, concept, raw=raw)
    rows = [row._asdict() for row in table([(image.concept, image.tags) for image in found])]
    return {"images": len(found), **about, "tags": rows}


def images(view: View, wanted: str, *, concept: str | None = None, raw: bool = False) -> dict[str, Any]:
    """What ``tags --images --json`` prints: the images that a filter takes, with tags and captions; as ``tags``."""
    found, about = _found(view, wanted, concept, raw=raw)
    fields = ("image", "concept", "caption")
    rows = [dict(zip(fields, image, strict=False), tags=list(image.tags)) for image in found]
    return {"images": rows, **about}


def write_mirror(view: View, say: Callable[[str], None]) -> dict[str, Any]:
    """Write the captions to the mirror; what became of its files, and the edits that a text beside the image covers."""
    site, known = view.site, view.inventory.edits
    used = {mirror.named(site, one.id, one.concept, one.path): one for one in members(view) if not one.twin}
    with claim(site.root / ".lorabuild", wait=True, say=say):
        done = asdict(mirror.write(site.root, {name: one.caption for name, one in used.items()}))
    files = view.inventory.files
    covered = [name for name in sorted(known.keys() & used.keys()) if files[used[name].path].text]
    return {**done, "covered": covered, "waiting": sum(1 for one in used.values() if one.caption is None)}


def _found(view: View, wanted: str, concept: str | None, *, raw: bool) -> tuple[list[Image], dict[str, Any]]:
    """The images that a filter takes, and what else there is."""
    takes = expression.parse(wanted) if wanted.strip() else lambda _tags: True
    if concept is not None and concept not in view.project.concepts:
        known = nearest(concept, view.project.concepts)
        hint = f"did you mean `{known}`?" if known else f"there are {', '.join(view.project.concepts)}"
        raise ProjectError(f"there is no concept `{concept}`", where="command line", next_step=hint)
    used = [one for one in members(view) if not one.twin and concept in (None, one.concept)]
    known_tags = _raw(view) if raw else {name: facts["tags"] for name, facts in captioned(view).items()}
    found = [image for one in used if (image := _image(view, one, known_tags.get(one.path if raw else one.id)))]
    about = {"of": len(used), "waiting": len(used) - len(found), "raw": raw}
    return [image for image in found if takes(image.keys())], about


def _image(view: View, member: Member, known: Sequence[str] | None) -> Image | None:
    if known is None:
        return None
    triggers = view.project.concepts[member.concept].triggers
    return Image(member.id, member.concept, member.caption, tuple(known), triggers)


def _raw(view: View) -> dict[str, tuple[str, ...]]:
    """Path → what the tagger saw above its thresholds, best first."""
    thresholds, keys = thresholds_of(view.project.captions.tagger), view.keys("tag")
    made = {key: result for key, result in view.store.results(keys.values()).items() if not result.problem}
    scores = {
        path: json.loads(view.store.read(made[key].outputs["scores"])) for path, key in keys.items() if key in made
    }
    return {path: texts(selected(rows, thresholds)) for path, rows in scores.items()}
