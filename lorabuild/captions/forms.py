"""The forms in which training reads one caption: dressed, wildcards chosen, tags shuffled, dropped or still few.

Order and rules are the standard trainer's (kohya-ss/sd-scripts, ``process_caption``). Where that draws, this counts
from the seed and the caption: a caption has the same forms whatever its picture is called and whenever it is asked.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from lorabuild.core.counted import counts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lorabuild.schema.caption_forms import CaptionForms

_WILDCARD = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Options:
    """What training does to captions.

    Attributes:
        shuffle: whether free tags change places.
        keep: first tags that are kept as they are, where no separator says it.
        separator: parts kept tags from free ones, and free ones from kept ones at the end.
        drop: share of the free tags that is left out.
        fewest: free tags at the first step of a warm-up; None without one.
        number: forms of a caption that is shuffled, thinned or has wildcards.
        prefix, suffix: texts around every caption.
        glue: mark between free tags that stay together; a comma in the end.
        wildcards: whether ``{a|b}`` is one of the two, and every line a caption.
    """

    shuffle: bool = False
    keep: int = 0
    separator: str | None = None
    drop: float = 0.0
    fewest: int | None = None
    number: int = 8
    prefix: str = ""
    suffix: str = ""
    glue: str = ""
    wildcards: bool = False

    @property
    def idle(self) -> bool:
        """Whether a caption stays as it is."""
        around, dealt = self.prefix or self.suffix or self.glue, self.wildcards or self.shuffle or self.drop
        return not (around or dealt) and self.fewest is None


class Parts(NamedTuple):
    """A caption's tags: kept in front, free, kept at the end."""

    first: Sequence[str]
    free: Sequence[str]
    last: Sequence[str] = ()


class Forms(NamedTuple):
    """The texts of a caption; the first ``early`` are the warm-up's, one for each number of free tags, ascending."""

    texts: tuple[str, ...]
    early: int = 0


def options_of(settings: CaptionForms, triggers: int, *, dressed: bool = True) -> Options:
    """The options in ``training:`` for a caption with so many triggers; ``dressed`` puts texts around it.

    Where nothing says how many tags are kept, those of the prefix are kept before the triggers.
    """
    prefix = settings.caption_prefix or "" if dressed else ""
    return Options(
        shuffle=settings.caption_shuffle,
        keep=triggers + prefix.count(",") if settings.keep_tokens is None else settings.keep_tokens,
        separator=settings.keep_separator,
        drop=settings.tag_dropout,
        fewest=settings.token_warmup.min if settings.token_warmup.steps else None,
        number=settings.caption_variants,
        prefix=prefix,
        suffix=settings.caption_suffix or "" if dressed else "",
        glue=settings.secondary_separator or "",
        wildcards=settings.wildcards,
    )


def forms(caption: str, options: Options, seed: int) -> Forms:
    """All forms of a caption; the caption itself, to the letter, where no option is on.

    Of several lines all are read equally often, and a warm-up reads the first one.
    """
    if options.idle:
        return Forms((caption.partition("\n")[0],))
    asked = _chosen(caption, options, seed)
    made = [_forms(text, number, options, seed) for text, number in asked.items()]
    early = made[0].early
    whole = (_repeated(one.texts[one.early :], times) for one, times in zip(made, asked.values(), strict=True))
    texts = made[0].texts[early:] if len(made) == 1 else [text for some in whole for text in some]
    found = (*made[0].texts[:early], *texts)
    return Forms(tuple(text.replace(options.glue, ",") for text in found) if options.glue else found, early)


def _repeated(texts: Sequence[str], times: int) -> Sequence[str]:
    """So many texts: one that has but one form counts as often as others that have several."""
    return [*texts] * (times // len(texts))


def _chosen(caption: str, options: Options, seed: int) -> Mapping[str, int]:
    """The dressed lines of a caption with their wildcards chosen → forms of each."""
    lines = caption.split("\n") if options.wildcards else [caption.partition("\n")[0]]
    lines = [_dressed(line, options) for line in lines]
    changing = options.shuffle or 0 < options.drop < 1
    if not options.wildcards or (len(lines) == 1 and "{" not in caption + options.prefix + options.suffix):
        return {lines[0]: options.number}
    wild = any("{" in line for line in lines)
    turns = max(1, -(-options.number // len(lines))) if changing or wild else 1
    return Counter(text for line in lines for text in _picked(line, turns, seed))


def _dressed(line: str, options: Options) -> str:
    """A line with the texts around it; a suffix that begins with a comma follows at once."""
    if options.prefix:
        line = f"{options.prefix} {line}".rstrip()
    if not options.suffix:
        return line
    return f"{line}{options.suffix}" if options.suffix.startswith(",") else f"{line} {options.suffix}".lstrip()


def _picked(line: str, turns: int, seed: int) -> list[str]:
    """A line so many times, each with one word of each ``{a|b}``: every word is picked equally often, in any company.

    Doubled braces are braces, so no wildcard stands inside another.
    """
    pieces = enumerate(_WILDCARD.split(line.replace("{{", "\0").replace("}}", "\1")))  # every other one is a wildcard
    columns = [_dealt(_words(text) if place % 2 else [text], turns, (seed, line, place)) for place, text in pieces]
    return ["".join(row).replace("\0", "{").replace("\1", "}") for row in zip(*columns, strict=True)]


def _words(wildcard: str) -> list[str]:
    return [word.strip() for word in wildcard.split("|")]


def _dealt(words: Sequence[str], turns: int, chance: tuple[int, str, int]) -> list[str]:
    """One word a turn, in counted order."""
    order = sorted(range(turns), key=counts(turns, "wildcard", *chance).__getitem__)
    return [words[rank % len(words)] for rank in order]


def _forms(caption: str, number: int, options: Options, seed: int) -> Forms:
    """All forms of one line, so many where it changes."""
    if not options.shuffle and not options.drop and options.fewest is None:
        return Forms((caption,))
    parts = parted(caption, options.keep, options.separator)
    free = len(parts.free)
    early = range(free if options.fewest is None else options.fewest, free)
    changing = (options.shuffle and free > 1) or (0 < options.drop < 1 and free)
    numbers = [*early, *([free] * (number if changing else 1))]
    drawn = counts(2 * free * len(numbers), seed, "caption forms", parts)
    chances = (drawn[start : start + 2 * free] for start in range(0, len(drawn), 2 * free)) if free else [()]
    texts = (_form(parts, number, options, own) for number, own in zip(numbers, chances, strict=True))
    return Forms((*texts,), len(early))


def most(options: Options) -> int:
    """How many forms a caption may have whose tags aren't known; a warm-up adds one for each of them."""
    return options.number if options.shuffle or options.drop or options.wildcards else 1


def parted(caption: str, keep: int, separator: str | None) -> Parts:
    """The tags of a caption. Behind a separator empty tags fall away; without one they stay, as they always did."""
    if separator and separator in caption:
        first, free, *last = caption.split(separator, 2)
        return Parts(_tags(first), _tags(free), _tags(last[0]) if last else ())
    tags = [tag.strip() for tag in caption.strip().split(",")]
    return Parts(tags[:keep], tags[keep:])


def _tags(text: str) -> list[str]:
    return [tag for part in text.split(",") if (tag := part.strip())]


def _form(parts: Parts, number: int, options: Options, chances: Sequence[int]) -> str:
    """One form of the first ``number`` free tags: shuffled by the first half of the chances, thinned by the others."""
    free, middle = parts.free[:number], len(chances) // 2
    if options.shuffle:
        free = [free[index] for index in sorted(range(number), key=chances.__getitem__)]
    if options.drop:
        least = options.drop * 2**64
        free = [tag for tag, chance in zip(free, chances[middle:], strict=False) if chance >= least]
    return ", ".join([*parts.first, *free, *parts.last])
