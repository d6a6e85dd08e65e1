"""The prompts of ``samples:``: those of lora.yaml, then those of a file; triggers and wildcards are put in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lorabuild.core.counted import count
from lorabuild.schema import prompt_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from lorabuild.schema.site import Site

WORDS = ("negative", "width", "height", "steps", "cfg", "seed", "sampler", "weight")
"""What a prompt may say beside itself."""
_CHOICE = re.compile(r"\{([^{}]*\|[^{}]*)\}")


def prompt_files(site: Site) -> list[Path]:
    """The file with prompts, if there is one."""
    named = site.project.samples.file
    return [site.path(named)] if named else []


def prompts(site: Site) -> Iterator[dict[str, Any]]:
    """Every prompt with what it says itself, in order, as it is written. Raises ``ProjectError`` for a bad file."""
    samples = site.project.samples
    for entry in samples.prompts:
        said = {word: getattr(entry, word) for word in WORDS}
        yield {"prompt": entry.prompt, **{word: value for word, value in said.items() if value is not None}}
    for path in prompt_files(site):
        yield from prompt_lines.read(path, str(samples.file))


def expanded(prompt: str, triggers: Iterable[str]) -> list[str]:
    """The prompt once for each trigger where ``{trigger}`` stands in it; ``{triggers}`` are all of them."""
    named = list(triggers)
    whole = prompt.replace("{triggers}", ", ".join(named))
    return [whole.replace("{trigger}", name) for name in named] if "{trigger}" in whole else [whole]


def chosen(prompt: str, seed: int) -> str:
    """One of ``{a|b}``, counted from the prompt and the seed of its picture: no other prompt has a part in it.

    Where one was chosen, commas without a word between them are left out.
    """
    places = iter(range(len(prompt)))

    def pick(found: re.Match[str]) -> str:
        words = found[1].split("|")
        return words[count("sample words", seed, prompt, next(places)) % len(words)].strip()

    picked, number = _CHOICE.subn(pick, prompt)
    return ", ".join(part.strip() for part in picked.split(",") if part.strip()) if number else prompt
