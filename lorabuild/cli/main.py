"""The command line: finds the command, runs it, and is the one place that turns errors into text and exit codes."""

from __future__ import annotations

import argparse
import gc
import io
import json
import os
import re
import signal
import sys
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

from lorabuild import __version__
from lorabuild.cli.options import common
from lorabuild.core.errors import LorabuildError, ProjectError
from lorabuild.core.trouble import plainly
from lorabuild.core.words import nearest
from lorabuild.graph.order import STAGES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import FrameType

ASKS = {"-h", "--help", "--version"}
TAKES_VALUE = {"-C", "--set", "--device", "--variant", "--to", "--port", "--host"}
TAKES_VALUE |= {"--processes", "--nodes", "--node-rank", "--main"}
COMMANDS = (
    "build",
    "init",
    "plan",
    "status",
    "why",
    "triggers",
    "lint",
    "tags",
    "diff",
    "watch",
    "gc",
    "lora",
    "doctor",
    "verify",
    "history",
    "restore",
    "publish",
    "update",
    "fetch",
    "grid",
    "pick",
    "try",
    "report",
    "import",
    "export",
    "schema",
)


PATIENCE = 10.0  # seconds for what is under way to end by itself after a signal
_signals: list[int] = []
"""Those that have come since the command line began."""


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
    _speak_of_anything()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # spinning OpenMP threads cost 15–30× on busy cores
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # the same bits again on CUDA
    os.environ.setdefault("PYTORCH_ENABLE_MPS_FALLBACK", "1")  # what an Apple GPU lacks is done on the CPU
    _listen()
    gc.set_threshold(100_000, 20, 20)  # a plan of many images makes much and drops little
    try:
        args = _parsed(_with_command(words))
        code = int(import_module(f"lorabuild.cli.{args.command}").run(args))
        sys.stdout.flush()  # a reader that has gone away is noticed here, and not at the interpreter's end
    except LorabuildError as error:
        _tell(error, as_json="--json" in words)
        return error.exit_code
    except KeyboardInterrupt as error:
        return _interrupted(str(error), terminated=isinstance(error, Terminated))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if refusal := plainly(error):
            _tell(refusal, as_json="--json" in words)
            return refusal.exit_code
        if not _signals:  # pydantic's core wraps what a handler raises in it
            raise
        return _interrupted("", terminated=signal.SIGTERM in _signals)
    return code


def _speak_of_anything() -> None:
    """A file's name that is no text, or not in this terminal's alphabet, is escaped as JSON would escape it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _listen() -> None:
    """Take SIGTERM, and Ctrl-C where it isn't ignored (as in the background of a script)."""
    _signals.clear()
    signal.signal(signal.SIGTERM, _stop)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _stop)


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    _signals.append(number)
    if hasattr(signal, "setitimer"):
        # interrupted in the middle of an import, Python may keep a lock for which a thread, and we, wait for ever
        signal.signal(signal.SIGALRM, _insist)
        signal.setitimer(signal.ITIMER_REAL, PATIENCE, PATIENCE)
    raise Terminated if number == signal.SIGTERM else KeyboardInterrupt


def _insist(_number: int, _frame: FrameType | None) -> NoReturn:
    raise Terminated if signal.SIGTERM in _signals else KeyboardInterrupt


def _interrupted(said: str, *, terminated: bool) -> int:
    """``said``: what has ended, by a command that builds nothing."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, 0)
    print(f"\n{said or 'stopped; what is done is saved – run `lorabuild` again to go on'}", file=sys.stderr)
    return 143 if terminated else 130


def _tell(error: LorabuildError, *, as_json: bool) -> None:
    if as_json:
        line = {"event": "error", "what": error.what, "where": error.where, "next": error.next_step}
        print(json.dumps(line | {"problems": getattr(error, "problems", [])}, ensure_ascii=False), flush=True)
    print(f"lorabuild: {error}", file=sys.stderr)


def _with_command(words: list[str]) -> list[str]:
    """Put the command first, ``build`` where none is named; answer a typo with the nearest word."""
    place = _first_word(words)
    first = None if place is None else words[place]
    if first is None and ASKS & {*words}:
        return words
    if place is not None and first in COMMANDS:
        return [words[place], *words[:place], *words[place + 1 :]]
    if first is None or first in STAGES:
        return ["build", *words]
    known = nearest(first, [*COMMANDS, *STAGES])
    hint = f"did you mean `lorabuild {known}`?" if known else "`lorabuild --help` lists the commands"
    raise ProjectError(f"there is no command or stage `{first}`", next_step=hint)


def _first_word(words: list[str]) -> int | None:
    """Where the first word stands that is neither an option nor an option's value."""
    skip = False
    for place, word in enumerate(words):
        if not skip and not word.startswith("-"):
            return place
        skip = not skip and word in TAKES_VALUE
    return None


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ProjectError(message, where="command line", next_step=f"`{self.prog} --help` shows what can be said")


def _parsed(words: list[str]) -> argparse.Namespace:
    parser, commands = _parser([words[0]] if words[0] in COMMANDS else COMMANDS)
    args, unknown = parser.parse_known_args(words)
    if unknown:
        options = re.findall(r"--[a-z-]+", commands[args.command].format_usage())
        known = nearest(unknown[0].partition("=")[0], options)
        hint = f"did you mean `{known}`?" if known else f"`lorabuild {args.command} --help` shows what can be said"
        raise ProjectError(f"`lorabuild {args.command}` knows no `{unknown[0]}`", where="command line", next_step=hint)
    return args


def _parser(names: Sequence[str]) -> tuple[argparse.ArgumentParser, Mapping[str, argparse.ArgumentParser]]:
    """The parser for these commands: to know the others takes longer than most of them run."""
    parser = _Parser(
        prog="lorabuild",
        description="A make for LoRAs: does only the work that a change calls for.",
        epilog="`lorabuild` alone builds, `lorabuild STAGE` up to that stage; `lorabuild COMMAND --help` says more.",
        parents=[common()],
    )
    parser.add_argument("--version", action="version", version=f"lorabuild {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    for command in names:
        import_module(f"lorabuild.cli.{command}").add(subparsers)
    return parser, subparsers.choices
