"""``lorabuild try "zorbl, forest"``: draws a picture with the built LoRA; without a text, a prompt loop.

The text may have options behind it, as in prompt files: ``--n negative --w 512 --h 768 --d seed --s steps --l cfg --ss
sampler``. In the loop every line is a prompt, an empty one draws the last once more with the next seed, ``/weight 0.8``
sets something, ``/help`` lists what; Ctrl-D ends it. The model stays loaded meanwhile.
"""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lorabuild.cli.lines import near
from lorabuild.cli.options import as_json, described, of_project, opened, said_here, source_date
from lorabuild.core.errors import LorabuildError
from lorabuild.core.trouble import out_of_memory, plainly

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from pathlib import Path

    from lorabuild.core.events import Event
    from lorabuild.graph.trying import Trial

SETS = {"weight": "W", "epoch": "N", "seed": "N", "size": "WxH"}
HELP = """\
a line        draw it; an empty one draws the last again, with the next seed
/weight 0.8   how strong the LoRA is; 0 is without it
/epoch 3      which epoch's
/seed 7       of the noise
/size 64x96   in pixels
/number 4     so many pictures of each prompt, seed after seed
/steps 30, /cfg 5, /sampler euler_a, /negative blurry, /blocks OUTD
/settings     what is set
Ctrl-D        ends, and so does /quit"""


def add(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "try", parents=[of_project()], help="draw a prompt with the built LoRA", description=described(__doc__)
    )
    parser.add_argument("prompt", nargs="?", metavar="PROMPT", help="what to draw; without it a prompt loop")
    parser.add_argument("-w", "--weight", metavar="W", help="strength of the LoRA (default: the one it is meant for)")
    parser.add_argument("--epoch", metavar="N", help="which epoch's (default: the one that is handed out)")
    parser.add_argument("--seed", metavar="N", help="of the noise (default: samples.seed)")
    parser.add_argument("--size", metavar="WxH", help="in pixels (default: as samples are)")
    parser.add_argument("-n", "--number", metavar="N", help="so many pictures, seed after seed")
    parser.add_argument("--base", default="", metavar="MODEL", help="draw on another base model")
    parser.add_argument("--variant", default="", metavar="NAME", help="with the LoRA of a variant")
    parser.add_argument("-o", "--out", metavar="FILE", help="where it goes, or a folder (default: out/try/…)")
    parser.add_argument("--replace", action="store_true", help="write over a picture that is there")


def run(args: argparse.Namespace) -> int:
    """Draw and print where the pictures are; 0 always."""
    from lorabuild.cli.faces import face
    from lorabuild.core.events import silent
    from lorabuild.graph.axes import variant
    from lorabuild.graph.rebased import Bases
    from lorabuild.graph.session import viewing
    from lorabuild.graph.trying import Trial

    loaded, bases = opened(args), Bases(said_here(args))
    with viewing(loaded, source_date()) as view:
        name = variant(view, args.variant)
        trial = Trial(bases.view(view, variant=name), bases.view(view, args.base, name))
        for word in (*SETS, "number"):
            if (text := getattr(args, word)) is not None:
                trial.set(word, text)
        if args.prompt is None:
            return _loop(trial, args)
        with nullcontext(silent) if as_json(args) else face(args, loaded.project) as trial.emit:
            shots = trial.shots(args.prompt)
            paths = _drawn(trial, shots, args)
        _say(shots, paths, args)
    return 0


def _drawn(trial: Trial, shots: list[Any], args: argparse.Namespace) -> list[Path]:
    """Draw and write the pictures; where they are."""
    from lorabuild.graph.trying import places, save

    paths = places(trial.view, shots, args.out, replace=args.replace)
    save(paths, trial.draw(shots))
    return paths


def _say(shots: list[Any], paths: list[Path], args: argparse.Namespace) -> None:
    from lorabuild.graph.trying import told

    for shot, path in zip(shots, paths, strict=True):
        print(json.dumps(told(shot, path), ensure_ascii=False) if as_json(args) else near(path), flush=True)


def _loop(trial: Trial, args: argparse.Namespace) -> int:
    """Read prompts and commands until there are no more; what is wrong with one is said, and the next is read."""
    if sys.stdin.isatty():
        print(f"{trial.view.project.name}: {_settings(trial)}; /help lists what can be said", file=sys.stderr)
    trial.emit, prompt, turn = _noted, "", 0
    for line in _lines():
        try:
            if line.startswith("/"):
                if not _commanded(trial, *line[1:].split(None, 1)):
                    break
                continue
            prompt, turn = (line, 0) if line else (prompt, turn + 1)
            if prompt:
                shots = [replace(shot, seed=shot.seed + turn * trial.number) for shot in trial.shots(prompt)]
                _say(shots, _drawn(trial, shots, args), args)
        except LorabuildError as error:
            _told(error, args)
        except (OSError, MemoryError, RuntimeError) as error:
            _told(_readable(error), args)
    return 0


def _readable(error: Exception) -> LorabuildError:
    """What the system or torch says, where a person can do something about it; anything else is raised again."""
    if out_of_memory(error):
        return LorabuildError("there is not enough memory for that", next_step="try a smaller /size")
    refusal = plainly(error)
    if refusal is None:
        raise error
    return refusal


def _noted(event: Event) -> None:
    """What one waits for."""
    if event.kind == "note":
        print(event.data["text"], file=sys.stderr, flush=True)


def _commanded(trial: Trial, name: str = "help", text: str = "") -> bool:
    """Carry out a command; False for the one that ends the loop."""
    if name in ("quit", "exit", "q"):
        return False
    if name in ("help", "?", "settings"):
        print(_settings(trial) if name == "settings" else HELP, file=sys.stderr)
        return True
    trial.set(name, text.strip())
    print(_settings(trial), file=sys.stderr)
    return True


def _settings(trial: Trial) -> str:
    """``epoch 4, weight 1, seed 42 …``: what the next picture is drawn with."""
    shot = trial.shots("")[0]
    told = {"epoch": shot.epoch or trial.words["epoch"], "weight": f"{shot.weight:g}", "seed": shot.seed}
    told |= {"size": "x".join(map(str, shot.size)), "steps": shot.steps, "cfg": f"{shot.cfg:g}"}
    told |= {name: trial.words[name] for name in ("sampler", "blocks", "negative") if trial.words.get(name)}
    told |= {"number": trial.number} if trial.number > 1 else {}
    return ", ".join(f"{name} {value}" for name, value in told.items())


def _lines() -> Iterator[str]:
    """The lines that a person types, with history and editing, or that come through a pipe."""
    if not sys.stdin.isatty():
        yield from (line.strip() for line in sys.stdin)
        return
    with suppress(ImportError):
        import readline  # noqa: F401 - input() edits with it
    while True:
        try:
            line = input("try> ")
        except EOFError:
            print(file=sys.stderr)
            return
        yield line.strip()


def _told(error: LorabuildError, args: argparse.Namespace) -> None:
    if as_json(args):
        line = {"event": "error", "what": error.what, "where": error.where, "next": error.next_step}
        print(json.dumps(line, ensure_ascii=False), flush=True)
    print(f"lorabuild: {error}", file=sys.stderr, flush=True)
