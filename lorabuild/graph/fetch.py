"""``fetch``: all that a project takes from the hub is brought here, so that it can be built without a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lorabuild.core.errors import LorabuildError, ProjectError
from lorabuild.core.words import hand
from lorabuild.graph.hub import on_hub
from lorabuild.models import hub, source
from lorabuild.schema.parts import by_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lorabuild.schema.loaded import Loaded
    from lorabuild.schema.site import Site

Row = dict[str, Any]


def fetch(loaded: Loaded, say: Callable[[Row], None], *, dry_run: bool) -> list[Row]:
    """Download what is missing of every hub model, at the revision that lora.lock pins it to.

    Args:
        loaded: the project; the models of its variants are brought here, too.
        say: is shown each model before it is downloaded.
        dry_run: only look at what it would cost.

    Returns:
        ``[{"model", "source", "revision", "files", "bytes", "here", "missing", "checked"}]``: ``model`` is ``base``,
        ``vae``, ``tagger`` or ``vocabulary``; ``revision`` the pin, or the branch; bytes in all, of what is here and of
        what is missing; not ``checked`` where the hub can't be asked and all that a build needs is here.

    Raises:
        ProjectError: there is no such model or revision, or a local one is missing.
        LorabuildError: the hub can't be reached, and something is missing.
    """
    sites, rows = {"": loaded.site} | {name: one.site for name, one in loaded.variants.items()}, []
    for (variant, what), name in on_hub(loaded).items():
        rows.append(_fetched(sites[variant], what, name, say, dry_run=dry_run))
    if any(source.lacks_vocabulary(site) for site in sites.values()):
        name = hub.HubName(hub.CLIP, "main")
        rows.append(_row("vocabulary", name, hub.costs(name, hub.VOCABULARY)))
        say(rows[-1])
        if not dry_run:
            hub.get_vocabulary()
    if not dry_run:
        for site in sites.values():
            _prove(site)
    return rows


def _fetched(site: Site, what: str, name: hub.HubName, say: Callable[[Row], None], *, dry_run: bool) -> Row:
    """One model, told and downloaded."""
    tagger = by_name(site.project.captions.tagger).get(what)
    module = hand("taggers", tagger.type) if tagger else None
    try:
        files = [hub.Cost(*file) for file in module.costs(tagger, site)] if module else hub.costs(name)
    except ProjectError:
        raise
    except LorabuildError:
        if not _is_here(site, what):
            raise
        row = {**_row(what, name, ()), "checked": False}
        say(row)
        return row
    row = _row(what, name, files)
    say(row)
    if not dry_run:  # also where all bytes are here: they may be those of another revision
        if module:
            module.fetch(tagger, site)
        else:
            hub.download(name)
    return row


def _row(what: str, name: hub.HubName, files: Iterable[hub.Cost]) -> Row:
    told = list(files)
    return {
        "model": what,
        "source": str(name),
        "revision": name.wanted,
        "files": [one._asdict() for one in told],
        "bytes": sum(one.size for one in told),
        "here": sum(one.size for one in told if one.here),
        "missing": sum(one.size for one in told if not one.here),
        "checked": True,
    }


def _is_here(site: Site, what: str) -> bool:
    """Whether a build would find this model without a network."""
    try:
        _prove(site, what)
    except ProjectError:
        return False
    return True


def _prove(site: Site, what: str = "") -> None:
    """Look for the models as a build does. Raises ``ProjectError`` where one is missing."""
    taggers = by_name(site.project.captions.tagger)
    if what not in taggers:
        source.locate(site)
    for name, tagger in taggers.items():
        if what in {"", name}:
            hand("taggers", tagger.type).digests(tagger, site)
