"""Prompts on one line each, with options behind them: ``zorbl, forest --n blurry --w 512 --h 768 --d 7 --l 5 --s 28``.

The notation of the standard trainer's prompt files, read strictly: what stands in front of the first option is the
prompt to the letter, and behind it every option must be one. It knows no pydantic, so that planning can read a file.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from lorabuild.core.errors import ProjectError
from lorabuild.core.words import nearest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SAMPLERS = (
    *("ddim", "ddpm", "pndm", "lcm", "unipc", "heun", "euler", "euler_a", "dpm2", "dpm2_a"),
    *("dpm++_2m", "dpm++_2m_karras", "dpm++_2m_sde", "dpm++_2m_sde_karras", "dpm++_2s", "dpm++_2s_karras"),
)
"""Samplers as people call them; ``models.sampling`` has the scheduler of each."""

OPTIONS = {
    **dict.fromkeys(("n", "neg", "negative"), "negative"),
    **dict.fromkeys(("w", "width"), "width"),
    **dict.fromkeys(("h", "height"), "height"),
    **dict.fromkeys(("d", "seed"), "seed"),
    **dict.fromkeys(("s", "steps"), "steps"),
    **dict.fromkeys(("l", "cfg", "scale"), "cfg"),
    **dict.fromkeys(("ss", "sampler"), "sampler"),
    "weight": "weight",
}
"""What an option is called, in small letters → the word of ``samples.prompts`` that it stands for."""

FOREIGN = {
    "g": "guidance that was distilled into a model",
    "rcfg": "renormed guidance",
    "cn": "ControlNet",
    "ctr": "ControlNet",
    "fs": "a flow's shift",
}
"""Options of the standard trainer that nothing here answers to."""

MOST_STEPS = 1000
SIDE_STEP = 8
"""Sides of pictures are multiples of it."""

_OPTION = re.compile(r"(?:^|\s+)--(?=[A-Za-z])")
_NAMED = re.compile(r"([A-Za-z]+)(?:\s+(.*))?", re.DOTALL)
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)")


class LineError(ValueError):
    """What is wrong with a line, what to write instead, and how many letters stand before it."""

    def __init__(self, what: str, next_step: str, column: int) -> None:
        super().__init__(what)
        self.what, self.next_step, self.column = what, next_step, column


class _Piece(NamedTuple):
    """What follows one ``--``: its name in small letters, its value, and where it begins."""

    name: str
    value: str
    column: int


def parse(line: str) -> dict[str, Any]:
    """The words of a prompt: ``prompt``, and those of ``OPTIONS`` that are said. Raises ``LineError``.

    Options begin at the first ``--`` that is followed by the name of one, or by any name and a number and nothing else.
    """
    starts = list(_OPTION.finditer(line))
    ends = (*(start.start() for start in starts[1:]), len(line))
    pieces = [_piece(line, start, end) for start, end in zip(starts, ends, strict=False)]
    first = next((place for place, piece in enumerate(pieces) if _begins(piece)), len(pieces))
    told = line[: starts[first].start()] if first < len(pieces) else line
    found: dict[str, Any] = {"prompt": told.strip()}
    for piece in pieces[first:]:
        word = _word(piece)
        if word in found:
            raise LineError(f"`--{piece.name}` says `{word}` once more", "keep one of the two", piece.column)
        found[word] = _value(piece, word)
    return found


def read(path: Path, name: str) -> list[dict[str, Any]]:
    """The prompts of a text file, one a line; empty lines and those that begin with ``#`` say nothing.

    Raises ``ProjectError`` with the line and column of what is wrong in it.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ProjectError(f"the prompts in {name} can't be read: {why}", where="samples.file") from error
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            found.append(parse(line))
        except LineError as error:
            where = f"{name}:{number}:{error.column + 1}"
            raise ProjectError(error.what, where=where, next_step=error.next_step) from error
        if not found[-1]["prompt"]:
            raise ProjectError("this prompt is empty", where=f"{name}:{number}:1", next_step="write one, or delete it")
    return found


def written(words: dict[str, Any]) -> str:
    """The line that says these words: what ``parse`` reads as them again."""
    short = {word: name for name, word in reversed(OPTIONS.items())}
    options = (f"--{short[word]} {value}" for word, value in words.items() if word != "prompt")
    return " ".join([words["prompt"], *options])


def _piece(line: str, start: re.Match[str], end: int) -> _Piece:
    text = line[start.end() : end].strip()
    found = _NAMED.fullmatch(text)
    name, value = (found[1].lower(), (found[2] or "").strip()) if found else (text, "")
    return _Piece(name, value, start.end() - 2)


def _begins(piece: _Piece) -> bool:
    """Whether the options begin here."""
    return piece.name in OPTIONS or piece.name in FOREIGN or bool(_NUMBER.fullmatch(piece.value))


def _word(piece: _Piece) -> str:
    """The word of an option. Raises ``LineError`` for one that there is not."""
    if piece.name in OPTIONS:
        return OPTIONS[piece.name]
    if piece.name in FOREIGN:
        what = f"`--{piece.name}` is of {FOREIGN[piece.name]}, which pictures are not drawn with here"
        raise LineError(what, "delete it", piece.column)
    near = nearest(piece.name, OPTIONS)
    hint = f"did you mean `--{near}`?" if near else f"known: {', '.join(f'--{name}' for name in OPTIONS)}"
    raise LineError(f"there is no option `--{piece.name}`, and what follows options is no prompt", hint, piece.column)


def _value(piece: _Piece, word: str) -> Any:
    """What an option says. Raises ``LineError`` where it can't be that."""
    try:
        return _READERS[word](piece.value)
    except ValueError:
        given = f"`{piece.value}`" if piece.value else "nothing"
        what = f"`--{piece.name}` wants {_WANTED[word]}; here stands {given}"
        raise LineError(what, f"write `--{piece.name} {_EXAMPLES[word]}`", piece.column) from None


def _whole(least: int) -> Callable[[str], int]:
    def read_whole(text: str) -> int:
        if not re.fullmatch(r"\d{1,18}", text) or int(text) < least:
            raise ValueError
        return int(text)

    return read_whole


def _number(text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise ValueError
    return float(text)


def _scale(text: str) -> float:
    if _number(text) < 1:
        raise ValueError
    return float(text)


def _sampler(text: str) -> str:
    """A sampler by its name, also as others spell it: ``DPM++ 2M Karras``, ``k_euler_a``."""
    name = re.sub(r"[\s-]+", "_", text.strip().lower()).removeprefix("k_").replace("dpm_2", "dpm2")
    if name not in SAMPLERS:
        raise ValueError
    return name


_READERS: dict[str, Callable[[str], Any]] = {
    "negative": str,
    "width": _whole(SIDE_STEP),
    "height": _whole(SIDE_STEP),
    "seed": _whole(0),
    "steps": lambda text: min(_whole(1)(text), MOST_STEPS),
    "cfg": _scale,
    "sampler": _sampler,
    "weight": _number,
}
_WANTED = {
    "width": "a whole number, 8 or more",
    "height": "a whole number, 8 or more",
    "seed": "a whole number, 0 or more",
    "steps": f"a whole number, 1 to {MOST_STEPS}",
    "cfg": "a number, 1 or more",
    "sampler": f"one of {', '.join(SAMPLERS)}",
    "weight": "a number",
}
_EXAMPLES = {"width": 512, "height": 768, "seed": 7, "steps": 28, "cfg": 5, "sampler": "euler_a", "weight": 0.8}
