"""The forms in which training reads one caption: tags shuffled, dropped or still few; what is kept stays in front.

Order and rules are the standard trainer's (kohya-ss/sd-scripts, ``process_caption``). Where that draws, this counts
from the seed and the caption: a caption has the same forms whatever its picture is called and whenever it is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from lorabuild.core.counted import counts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lorabuild.schema.caption_forms import CaptionForms


@dataclass(frozen=True, slots=True)
class Options:
    """What training does to captions.

    Attributes:
        shuffle: whether free tags change places.
        keep: first tags that are kept as they are, where no separator says it.
        separator: parts kept tags from free ones, and free ones from kept ones at the end.
        drop: share of the free tags that is left out.
        fewest: free tags at the first step of a warm-up; None without one.
        number: forms of a caption that is shuffled or thinned.
    """

    shuffle: bool = False
    keep: int = 0
    separator: str | None = None
    drop: float = 0.0
    fewest: int | None = None
    number: int = 8


class Parts(NamedTuple):
    """A caption's tags: kept in front, free, kept at the end."""

    first: Sequence[str]
    free: Sequence[str]
    last: Sequence[str] = ()


class Forms(NamedTuple):
    """The texts of a caption; the first ``early`` are the warm-up's, one for each number of free tags, ascending."""

    texts: tuple[str, ...]
    early: int = 0


def options_of(settings: CaptionForms, triggers: int) -> Options:
    """The options in ``training:`` for a caption with so many triggers."""
    return Options(
        shuffle=settings.caption_shuffle,
        keep=triggers if settings.keep_tokens is None else settings.keep_tokens,
        separator=settings.keep_separator,
        drop=settings.tag_dropout,
        fewest=settings.token_warmup.min if settings.token_warmup.steps else None,
        number=settings.caption_variants,
    )


def forms(caption: str, options: Options, seed: int) -> Forms:
    """All forms of a caption; the caption itself, to the letter, where no option is on."""
    if not options.shuffle and not options.drop and options.fewest is None:
        return Forms((caption,))
    parts = parted(caption, options.keep, options.separator)
    free = len(parts.free)
    early = range(free if options.fewest is None else options.fewest, free)
    changing = (options.shuffle and free > 1) or (0 < options.drop < 1 and free)
    numbers = [*early, *([free] * (options.number if changing else 1))]
    drawn = counts(2 * free * len(numbers), seed, "caption forms", parts)
    chances = (drawn[start : start + 2 * free] for start in range(0, len(drawn), 2 * free)) if free else [()]
    texts = (_form(parts, number, options, own) for number, own in zip(numbers, chances, strict=True))
    return Forms((*texts,), len(early))


def most(options: Options) -> int:
    """How many forms a caption may have whose tags aren't known; a warm-up adds one for each of them."""
    return options.number if options.shuffle or options.drop else 1


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
