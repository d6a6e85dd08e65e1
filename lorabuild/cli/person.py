"""Who stands before the command line: their folders, their variables, and whether they can be asked."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lorabuild.cli.options import as_json
from lorabuild.core.consent import Person
from lorabuild.graph.allowed import ask

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from lorabuild.schema.site import Site

_PLACES = {
    "win32": ("LOCALAPPDATA", "AppData/Local", "APPDATA", "AppData/Roaming"),
    "darwin": ("", "Library/Caches", "", "Library/Application Support"),
}
_ELSE = ("XDG_CACHE_HOME", ".cache", "XDG_CONFIG_HOME", ".config")


def person() -> Person:
    """The person, by the environment: ``LORABUILD_CACHE`` and ``LORABUILD_CONFIG`` name their folders.

    ``LORABUILD_CONSENT`` lists, with commas, the addresses and folders outside the project that may be written to, and
    the project's own modules that may run, for where nobody can be asked. What torch compiles is kept in their cache,
    where nobody else may write, unless torch's own variable names a folder.
    """
    cache, cache_home, config, config_home = _PLACES.get(sys.platform, _ELSE)
    kept = _folder("LORABUILD_CACHE", cache, cache_home)
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", os.fspath(kept / "compiled"))
    allows = (word.strip() for word in os.environ.get("LORABUILD_CONSENT", "").split(","))
    return Person(
        cache=kept,
        config=_folder("LORABUILD_CONFIG", config, config_home),
        environ=os.environ,
        allows=frozenset(word for word in allows if word),
    )


def asked(args: argparse.Namespace, site: Site) -> Person:
    """The person, once they have settled what lora.yaml wants outside the project, and of its own code."""
    someone = person()
    ask(someone, site, asking(args), consent=args.consent, trust=args.trust)
    return someone


def asking(args: argparse.Namespace) -> Callable[[str], bool] | None:
    """Puts a question to the person; None where nobody is there to answer."""
    return _ask if not as_json(args) and sys.stdin.isatty() and sys.stderr.isatty() else None


def _ask(text: str) -> bool:
    print(f"{text} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _folder(ours: str, usual: str, home: str) -> Path:
    if said := os.environ.get(ours):
        return Path(said).absolute()
    above = os.environ.get(usual) if usual else None
    return (Path(above) if above else Path.home() / home) / "lorabuild"
