"""The models of a project that are named by a hub id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lorabuild.models import source
from lorabuild.schema.parts import by_name

if TYPE_CHECKING:
    from lorabuild.models.hub import HubName
    from lorabuild.schema.loaded import Loaded
    from lorabuild.schema.site import Site


def on_hub(loaded: Loaded) -> dict[tuple[str, str], HubName]:
    """(variant, model) → hub id and pin of every model on the hub: first the project's own, its variant is empty.

    Models are ``base``, ``vae`` and ``tagger`` (``tagger.0``, … of several); folders and files are left out, and what a
    variant shares.
    """
    found = {("", what): name for what, name in _of(loaded.site).items()}
    shared = {(what, str(name)) for (_, what), name in found.items()}
    for variant, one in loaded.variants.items():
        others = {(variant, what): name for what, name in _of(one.site).items() if (what, str(name)) not in shared}
        found |= others
        shared |= {(what, str(name)) for (_, what), name in others.items()}
    return found


def _of(site: Site) -> dict[str, HubName]:
    """Model → its hub id and pin."""
    texts = source.texts(site)
    for what, part in by_name(site.project.captions.tagger).items():
        model = getattr(part, "model", None)
        if isinstance(model, str) and not site.path(model.partition("/")[0]).exists():
            texts[what] = model
    named = {what: source.pinned(site, what, text) for what, text in texts.items() if not site.path(text).exists()}
    return {what: name for what, name in named.items() if name}
