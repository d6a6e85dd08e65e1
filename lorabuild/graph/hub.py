"""The models of a project that are named by a hub id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lorabuild.models import source

if TYPE_CHECKING:
    from lorabuild.models.hub import HubName
    from lorabuild.schema.site import Site


def on_hub(site: Site) -> dict[str, HubName]:
    """Model (``base``, ``vae``, ``tagger``) → its hub id and pin, in this order; folders and files are left out."""
    texts = source.texts(site)
    model = getattr(site.project.captions.tagger, "model", None)
    if isinstance(model, str) and not site.path(model.partition("/")[0]).exists():
        texts["tagger"] = model
    named = {what: source.pinned(site, what, text) for what, text in texts.items() if not site.path(text).exists()}
    return {what: name for what, name in named.items() if name}
