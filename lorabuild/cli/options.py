"""Options that several commands share, and opening the project that they name."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from lorabuild.core.errors import ProjectError
from lorabuild.schema.check_disk import check_disk
from lorabuild.schema.kept import kept
from lorabuild.schema.nearby import absent

if TYPE_CHECKING:
    from lorabuild.schema.loaded import Loaded


def common() -> argparse.ArgumentParser:
    """Options that every command takes, before or after its name (a parent parser)."""
    parser = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    parser.add_argument("-C", dest="folder", metavar="DIR", help="work on the project in this folder")
    parser.add_argument("--json", action="store_true", help="machine-readable output on stdout")
    parser.add_argument("-q", "--quiet", action="store_true", help="only warnings and errors")
    parser.add_argument("-v", "--verbose", action="store_true", help="say more")
    return parser


def of_project() -> argparse.ArgumentParser:
    """Options of every command that opens a project (a parent parser)."""
    parser = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS, parents=[common()])
    parser.add_argument(
        "--set", dest="overrides", metavar="A.B=C", action="append", help="set a word of lora.yaml for this run"
    )
    parser.add_argument(
        "--device", choices=("auto", "cpu", "cuda", "mps"), help="where to work (default: `device` in lora.yaml)"
    )
    return parser


def described(doc: str | None) -> str:
    """A module's docstring as ``--help`` shows it."""
    return (doc or "").replace("``", "`")


def opened(args: argparse.Namespace) -> Loaded:
    """The loaded and checked project. Raises ``ProjectError``."""
    overrides = said_here(args)
    file = Path(getattr(args, "folder", ".")) / "lora.yaml"
    if not overrides and (held := kept(file)):
        check_disk(held)
        return held
    from lorabuild.schema.check import check
    from lorabuild.schema.load import load

    loaded = load(file, overrides)
    check(loaded)
    return loaded


def said_here(args: argparse.Namespace) -> list[str]:
    """Words of lora.yaml that the command line says for this run, as ``a.b=c``."""
    words = list(getattr(args, "overrides", None) or [])
    if device := getattr(args, "device", None):
        words.append(f"device.type={device}")
    return words


def project_folder(args: argparse.Namespace) -> Path:
    """The project's folder, for commands that need nothing of lora.yaml. Raises ``ProjectError``."""
    folder = Path(getattr(args, "folder", ".")).absolute()
    if not (folder / "lora.yaml").is_file():
        raise absent(folder / "lora.yaml")
    return folder


def as_json(args: argparse.Namespace) -> bool:
    """Whether ``--json`` was said, before or after the command."""
    return bool(getattr(args, "json", False))


def changed_here(args: argparse.Namespace) -> bool:
    """Whether the command line changes what lora.yaml says, for this run only."""
    return bool(said_here(args))


def source_date() -> int | None:
    """SOURCE_DATE_EPOCH (reproducible-builds.org), the date that files carry where a person fixed one.

    Raises:
        ProjectError: it is no whole number of seconds.
    """
    text = os.environ.get("SOURCE_DATE_EPOCH", "")
    if text and not text.isdecimal():
        raise ProjectError(
            f"SOURCE_DATE_EPOCH is {text!r}",
            where="environment",
            next_step="set it to seconds since 1970, or unset it",
        )
    return int(text) if text else None
