"""The command line: finds the command, runs it, and is the one place that turns errors into text and exit codes."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

from lorabuild import __version__
from lorabuild.cli.options import common
from lorabuild.core.errors import LorabuildError, ProjectError
from lorabuild.core.words import nearest
from lorabuild.graph.order import STAGES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

COMMANDS = ("build", "init", "plan", "status", "why", "schema")


class Terminated(KeyboardInterrupt):
    """SIGTERM: the same clean end as Ctrl-C, another exit code."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line.

    Args:
        argv: the words behind ``lorabuild``; ``sys.argv[1:]`` by default.

    Returns:
        The exit code: 0 done, 1 a stage failed, 2 the project or command line is wrong, 3 a difference or work to do,
        130 and 143 interrupted.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # spinning OpenMP threads cost 15–30× on busy cores
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # the same bits again on CUDA
    signal.signal(signal.SIGTERM, _terminate)
    try:
        args = _parser().parse_args(_with_command(words))
        return int(import_module(f"lorabuild.cli.{args.command}").run(args))
    except LorabuildError as error:
        _tell(error, as_json="--json" in words)
        return error.exit_code
    except Terminated:
        _interrupted()
        return 143
    except KeyboardInterrupt:
        _interrupted()
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    raise Terminated


def _interrupted() -> None:
    print("\nstopped; what is done is saved – run `lorabuild` again to go on", file=sys.stderr)


def _tell(error: LorabuildError, *, as_json: bool) -> None:
    if as_json:
        line = {"event": "error", "what": error.what, "where": error.where, "next": error.next_step}
        print(json.dumps(line | {"problems": getattr(error, "problems", [])}, ensure_ascii=False), flush=True)
    print(f"lorabuild: {error}", file=sys.stderr)


def _with_command(words: list[str]) -> list[str]:
    """Put ``build`` in front of a line that starts with a stage or with nothing; answer a typo with the nearest word."""
    first = _first_word(words)
    if first in COMMANDS or any(word in ("-h", "--help", "--version") for word in words[:1]):
        return words
    if first is None or first in STAGES:
        return ["build", *words]
    known = nearest(first, [*COMMANDS, *STAGES])
    hint = f"did you mean `lorabuild {known}`?" if known else "`lorabuild --help` lists the commands"
    raise ProjectError(f"there is no command or stage `{first}`", next_step=hint)


def _first_word(words: list[str]) -> str | None:
    takes_value = {"-C", "--set", "--device"}
    skip = False
    for word in words:
        if skip or word.startswith("-"):
            skip = not skip and word in takes_value
            continue
        return word
    return None


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ProjectError(message, where="command line", next_step=f"`{self.prog} --help` shows what can be said")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="lorabuild",
        description="A make for LoRAs: does only the work that a change calls for.",
        parents=[common()],
    )
    parser.add_argument("--version", action="version", version=f"lorabuild {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    for command in COMMANDS:
        import_module(f"lorabuild.cli.{command}").add(subparsers)
    return parser
