"""Which images are looked at together, and in which order: pure, counted, the same wherever and whenever it is asked.

An epoch looks at every training record ``repeats`` times and, where there are prior pictures, at as many of those,
drawn in turn. Within a size both kinds are spread evenly through one list (one to one where both have that size), which
is cut into batches; the last batch of a size may be small. So an epoch has the sum over sizes of ceil(looks / batch)
batches, and a batch mixes training and prior pictures of one size.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from lorabuild.core.counted import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Size = tuple[int, int]


class Text(NamedTuple):
    """Digests of a text's token ids and, of frozen encoders, of what they answer."""

    tokens: str
    hidden: str | None


class File(NamedTuple):
    """A picture that isn't cached: its path, digest of its mask, that one's path where it is a file, and its moves."""

    path: str
    mask: str | None = None
    side: str | None = None
    moves: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """One image as training sees it: digests of cached tensors; a path only of what is not cached.

    Attributes:
        id: what a person calls it; only for messages.
        latents: digest of its latents; empty where nothing is cached and every look goes through the VAE.
        texts: its caption in one form or several, of which a look takes one by counted chance.
        pixels: what its counted randomness is made from, together with the concept.
        concept: name of its concept.
        repeats: looks an epoch; of no meaning for prior pictures.
        prior: made by the base model, to keep what that knew.
        size: width and height of its bucket, in pixels.
        sizes: original height and width, crop from top and left, target height and width, as some models are told them.
        early: how many of the texts are for the warm-up: one for each number of tags, ascending.
        file: where to read the picture from, if nothing is cached.
    """

    id: str
    latents: str
    texts: tuple[Text, ...]
    pixels: str
    concept: str
    repeats: int
    prior: bool
    size: Size
    sizes: tuple[float, ...]
    early: int = 0
    file: File | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """One look at one image: ``visit`` counts the looks at this image of this concept since the start.

    ``epoch`` (from 0) says when it happens; nothing random is counted from it.
    """

    record: Record
    visit: int
    epoch: int = 0

    @property
    def identity(self) -> tuple[str, str, int]:
        """What everything random about this look is counted from."""
        return (self.record.concept, self.record.pixels, self.visit)


Batch = tuple[Look, ...]


def warmup_steps(wanted: float, total: int) -> int:
    """Optimizer steps of a warm-up that is told in steps (1 or more) or as a share of ``total``."""
    return math.floor(wanted * total) if wanted < 1 else int(wanted)


def forms_at(record: Record, step: int, warmup: int) -> Sequence[Text]:
    """The texts that a look at this optimizer step (from 0) may take: the one with so many tags, or all whole ones.

    While ``step < warmup`` the number of tags grows evenly with the step, as in the standard trainer.
    """
    if step < warmup and record.early:
        level = math.floor(step * (record.early / warmup))
        return record.texts[level : level + 1]
    return record.texts[record.early :]


def records(read: Iterable[Mapping[str, Any]]) -> list[Record]:
    """Records from plain data, as a plan lists them."""
    return [_record(**one) for one in read]


def _record(
    texts: Sequence[Sequence[Any]],
    size: Sequence[int],
    sizes: Sequence[float],
    file: Mapping[str, Any] | None = None,
    **told: Any,
) -> Record:
    return Record(
        texts=tuple(Text(*text) for text in texts),
        size=(size[0], size[1]),
        sizes=tuple(sizes),
        file=File(**file) if file else None,
        **told,
    )


def _name(record: Record) -> tuple[str, str]:
    """What the visits of a record are counted under."""
    return (record.concept, record.pixels)


def _rank(record: Record) -> tuple[object, ...]:
    """An order of records that knows neither paths nor the order of files."""
    texts = tuple((text.tokens, text.hidden or "") for text in record.texts)
    return (record.concept, record.pixels, texts, record.size, record.latents, record.repeats, record.sizes)


def training_looks(records: Iterable[Record], epoch: int) -> list[Look]:
    """Every training record, ``repeats`` times; equal images in one concept share one count of visits."""
    chosen = [record for record in records if not record.prior]
    in_epoch: Counter[tuple[str, str]] = Counter()
    for record in chosen:
        in_epoch[_name(record)] += record.repeats
    chosen.sort(key=_name if len(in_epoch) == len(chosen) else _rank)
    seen = Counter({name: epoch * looks for name, looks in in_epoch.items()})
    looks = []
    for record in chosen:
        name = _name(record)
        looks += [Look(record, seen[name] + again, epoch) for again in range(record.repeats)]
        seen[name] += record.repeats
    return looks


def prior_pool(records: Iterable[Record], seed: int) -> list[Record]:
    """The prior pictures in the counted order in which they take their turns."""
    chosen = (record for record in records if record.prior)
    return sorted(chosen, key=lambda record: (count(seed, "prior", record.concept, record.pixels), _rank(record)))


def prior_looks(pool: Sequence[Record], epoch: int, looks: int) -> list[Look]:
    """The next ``looks`` pictures of the pool, going on where the epoch before it ended."""
    turns = range(epoch * looks, (epoch + 1) * looks) if pool else range(0)
    return [Look(pool[turn % len(pool)], turn // len(pool), epoch) for turn in turns]


def epoch_batches(records: Sequence[Record], epoch: int, batch: int, seed: int) -> list[Batch]:
    """The batches of one epoch (counted from 0), in the order in which they are trained.

    Where two numbers that are counted were equal, the order of ``_rank``, in which the looks come, would stay.
    """
    training = training_looks(records, epoch)
    prior = prior_looks(prior_pool(records, seed), epoch, len(training))
    first, second = _by_size(training, epoch, seed), _by_size(prior, epoch, seed)
    made = []
    for size in sorted({*first, *second}):
        mixed = interleave(first.get(size, []), second.get(size, []))
        made += [tuple(mixed[start : start + batch]) for start in range(0, len(mixed), batch)]
    return sorted(made, key=lambda looks: count(seed, "batch", epoch, *looks[0].identity))


def _by_size(looks: Iterable[Look], epoch: int, seed: int) -> dict[Size, list[Look]]:
    """Looks by size, each list in its counted order."""
    sizes: dict[Size, list[Look]] = defaultdict(list)
    for look in looks:
        sizes[look.record.size].append(look)
    for members in sizes.values():
        members.sort(key=lambda look: count(seed, "order", epoch, *look.identity))
    return sizes


def interleave(first: Sequence[Look], second: Sequence[Look]) -> list[Look]:
    """Both lists in their own order, spread evenly through one another; equal lengths alternate."""
    if not first or not second:
        return [*first, *second]
    placed = [((2 * place + 1) * len(second), 0, look) for place, look in enumerate(first)]
    placed += [((2 * place + 1) * len(first), 1, look) for place, look in enumerate(second)]
    return [look for _, _, look in sorted(placed, key=lambda entry: entry[:2])]


def windows(batches: Sequence[Batch], accumulation: int) -> list[Sequence[Batch]]:
    """The batches of each optimizer step; the last one of an epoch may have fewer."""
    return [batches[start : start + accumulation] for start in range(0, len(batches), accumulation)]


def epoch_sizes(records: Sequence[Record], epochs: int, seed: int) -> list[Counter[Size]]:
    """How many looks of each size every epoch has, without putting them in order."""
    training: Counter[Size] = Counter()
    for record in records:
        if not record.prior:
            training[record.size] += record.repeats
    pool = prior_pool(records, seed)
    looks = training.total()
    return [training + _drawn(pool, epoch, looks) for epoch in range(epochs)]


def _drawn(pool: Sequence[Record], epoch: int, looks: int) -> Counter[Size]:
    """How many of each size ``prior_looks`` are: rounds of the whole pool, and the part of one that is left."""
    if not pool:
        return Counter()
    rounds, rest = divmod(looks, len(pool))
    drawn = Counter(pool[turn % len(pool)].size for turn in range(epoch * looks, epoch * looks + rest))
    return drawn + Counter({size: rounds * number for size, number in Counter(one.size for one in pool).items()})


def epoch_steps(records: Sequence[Record], epochs: int, batch: int, accumulation: int, seed: int) -> list[int]:
    """Optimizer steps of every epoch: ceil(Σ over sizes ceil(looks / batch) / accumulation)."""
    batches = [sum(-(-looks // batch) for looks in sizes.values()) for sizes in epoch_sizes(records, epochs, seed)]
    return [-(-number // accumulation) for number in batches]
