"""``lorabuild init``: a new project, from a template and a few answers."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lorabuild.cli.options import as_json, common
from lorabuild.core.errors import ProjectError
from lorabuild.schema.scaffold import DEFAULT_BASE, TEMPLATES, Answers, asks, bad_trigger, scaffold

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable


def add(subparsers: Any) -> None:
    """Declare the command."""
    listed = "; ".join(f"{name}: {what}" for name, what in TEMPLATES.items())
    parser = subparsers.add_parser(
        "init",
        parents=[common()],
        help="make a new project",
        description="Make a new project. On a terminal it asks for what is not said; elsewhere it takes the defaults.",
    )
    parser.add_argument("directory", nargs="?", metavar="DIR", help="folder of the project (default: this one)")
    parser.add_argument("--template", metavar="NAME", help=f"{listed} (default: character)")
    parser.add_argument("--name", help="name of the LoRA and its files (default: the folder's name)")
    parser.add_argument("--trigger", metavar="WORD", help="the word that the LoRA learns (default: the name)")
    parser.add_argument("--base", metavar="MODEL", help=f"hub id, folder or file (default: {DEFAULT_BASE})")
    parser.add_argument("--images", nargs="+", metavar="DIR", help="folders with pictures (default: new ones)")
    parser.add_argument(
        "--from", dest="source", metavar="DIR", help="any folder of images: its folders, captions and repeats"
    )


def run(args: argparse.Namespace) -> int:
    """Ask for what is missing, make the project, say what to do next."""
    folder = (Path(getattr(args, "folder", None) or ".") / (args.directory or ".")).absolute()
    if args.source:
        return _from(args, Path(os.path.normpath(folder)))
    template, answers = _answers(args, Path(os.path.normpath(folder)), ask=sys.stdin.isatty() and not as_json(args))
    made = scaffold(folder, template, answers)
    if as_json(args):
        files = [path.relative_to(folder).as_posix() for path in made if path.is_relative_to(folder)]
        print(json.dumps({"event": "done", "ok": True, "folder": str(folder), "files": files}, ensure_ascii=False))
    elif not getattr(args, "quiet", False):
        print(_next(folder, made, template, answers), file=sys.stderr)
    return 0


def _from(args: argparse.Namespace, folder: Path) -> int:
    """A project around a folder of images; nothing is asked."""
    from lorabuild.graph.import_writing import as_dict, write
    from lorabuild.graph.importing import Wishes, imported

    if args.template or args.images:
        what = f"`--{'template' if args.template else 'images'}` says nothing beside `--from`"
        raise ProjectError(what, where="command line", next_step="leave one of them out")
    name = args.name or _name_of(folder)
    if problem := _bad_name(name):
        raise ProjectError(problem, where="--name", next_step=f"write `--name {_name_of(Path(name))}`")
    trigger = args.trigger or _trigger_of(name)
    if problem := bad_trigger(trigger):
        raise ProjectError(problem, where="--trigger", next_step="write `--trigger zorbl`")
    made = imported([Path(args.source)], folder, Wishes(base=args.base or "", name=name, trigger=trigger))
    files = [path.relative_to(folder).as_posix() for path in write(made)]
    if as_json(args):
        done = {"event": "done", "ok": True, "folder": str(folder), "files": files}
        print(json.dumps({**done, **as_dict(made)}, ensure_ascii=False))
    elif not getattr(args, "quiet", False):
        here = os.path.relpath(folder)
        there = "" if here == "." else f" -C {here}"
        images = ", ".join(f"{name} ({len(one.files)} images)" for name, one in made.concepts.items())
        lines = [f"made {', '.join(files)} around {images}", *(f"note: {note}" for note in made.notes), "", "Now:"]
        lines.append(f"  1. look through {Path(here, 'lora.yaml')}")
        lines.append(f"  2. lorabuild{there} plan    shows what will be done")
        print("\n".join(lines), file=sys.stderr)
    return 0


def _answers(args: argparse.Namespace, folder: Path, *, ask: bool) -> tuple[str, Answers]:
    """What was said, asked for, or is the default."""
    known = ", ".join(TEMPLATES)
    template = args.template or _asked(ask, f"What is it: {known}?", "character", _bad_template)
    name = args.name or _asked(ask, "Name of the LoRA and its files?", _name_of(folder), _bad_name)
    open_ = asks(template) if template in TEMPLATES else frozenset()
    word = "The word that it learns?"
    trigger = args.trigger or _asked(ask and "trigger" in open_, word, _trigger_of(name), bad_trigger)
    base = args.base or _asked(ask, "Base model: hub id, folder or file?", DEFAULT_BASE, _never)
    pictures = "Folder with pictures? (Enter: a new one)"
    images = tuple(args.images or _asked(ask and "images" in open_, pictures, "", _no_folder).splitlines())
    for image_folder in images:
        if problem := _no_folder(image_folder):
            raise ProjectError(problem, where="--images", next_step="name one that is there, or leave --images out")
    if problem := _bad_name(name):
        raise ProjectError(problem, where="--name", next_step=f"write `--name {_name_of(Path(name))}`")
    return template, Answers(name, trigger, _seen_from(folder, base), tuple(_seen_from(folder, one) for one in images))


def _asked(ask: bool, question: str, default: str, problem: Callable[[str], str]) -> str:
    """The answer to a question, asked again while it can't be used; the default where nobody is there to ask."""
    while ask:
        print(f"{question} [{default}] " if default else f"{question} ", end="", file=sys.stderr, flush=True)
        try:
            answer = input().strip() or default
        except EOFError:
            raise KeyboardInterrupt from None
        if not answer or not (wrong := problem(answer)):
            return answer
        print(f"  {wrong}", file=sys.stderr)
    return default


def _name_of(folder: Path) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", folder.name).strip("-._")[:100] or "my-lora"


def _trigger_of(name: str) -> str:
    return name if not bad_trigger(name) else "zorbl"


def _bad_template(word: str) -> str:
    return "" if word in TEMPLATES else f"there is no template `{word}`; choose one of: {', '.join(TEMPLATES)}"


def _bad_name(word: str) -> str:
    fits = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", word)
    return "" if fits else f"`{word}` can't be a name: letters, digits, `.`, `_`, `-`; a letter or digit first"


def _no_folder(text: str) -> str:
    return "" if Path(text).expanduser().is_dir() else f"there is no folder `{text}`"


def _never(_answer: str) -> str:
    return ""


def _seen_from(folder: Path, text: str) -> str:
    """A path that a person named from where they stand, as lora.yaml names it; what is no path here stays as it is."""
    path = Path(text).expanduser()
    if not path.exists():
        return text
    try:
        return Path(os.path.relpath(path.absolute(), folder)).as_posix()
    except ValueError:  # another drive
        return path.absolute().as_posix()


def _next(folder: Path, made: list[Path], template: str, answers: Answers) -> str:
    """What was made, and what to do now."""
    here = os.path.relpath(folder)
    there = "" if here == "." else f" -C {here}"
    empty = [os.path.relpath(path) + os.sep for path in made if path.is_dir() and not any(path.iterdir())]
    files = [path.relative_to(folder).as_posix() for path in made if path.is_file()]
    about = f"what `{answers.trigger}` absorbs" if "trigger" in asks(template) else "the prompts between which it moves"
    steps = [f"put your pictures into {' and '.join(empty)}"] if empty else []
    steps += [
        f"look through {Path(here, 'lora.yaml')}: {about}, and how long to train",
        f"lorabuild{there} plan    shows what will be done",
        f"lorabuild{there}         does it",
    ]
    lines = [f"made {', '.join(files)}", "", "Now:", *(f"  {number}. {step}" for number, step in enumerate(steps, 1))]
    return "\n".join(lines)
