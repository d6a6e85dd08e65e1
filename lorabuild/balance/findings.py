"""What a person should look twice at before training: one shape for all of it. Every bound is a rule of thumb."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from lorabuild.balance.buckets import bucket_of, upscaled
from lorabuild.balance.sets import percent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from lorabuild.balance.buckets import Size, Sizes
    from lorabuild.balance.table import Table

BLUR = 0.6  # of ``images.look``: about a Gaussian blur of two pixels
BLOCKS = 1.8  # grey levels: about JPEG quality 35
BARS = 0.02  # share of the area
GREY = 6.0  # distance from grey below which a picture has no colour
MONOCHROME = 0.5  # share of a concept's images; 0.8 at most
SHRUNK = 4.0  # times a side is scaled down
CAPTION_BYTES = 1024
SHARE_OFF = 0.1
BUCKETS, FILLED = 5, 2  # so many buckets are fine whatever they hold; more should hold two batches each
RETRO_SHARE = 0.5  # of the images that are captioned
RETRO = ("1970s", "1980s", "1990s", "70s", "80s", "90s", "retro_artstyle")
WORST = (
    *("empty-concept", "set-aside", "black-mask", "empty-caption", "inseparable"),  # it isn't learned at all
    *("leaks-to-shared", "contaminated-word", "dominated", "shared-words", "huge-caption", "long-caption"),
    *("letterbox", "alpha", "monochrome", "grey-mask", "no-mask"),  # it is learned with what doesn't belong to it
    *("blur", "jpeg", "too-small", "shrunk", "too-few-images", "under-exposed", "over-exposed"),  # or badly
    *("over-share", "share-off", "near-duplicate", "duplicate", "retro"),  # more or less than was meant
    *("small-bucket", "many-buckets", "caption-forms", "no-cache", "idle-word"),  # slowly, or in vain
)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to look at twice.

    Attributes:
        code: to ignore it by; a row of docs/lint.md.
        item: an image, concept, trigger, bucket, or word of ``lora.yaml``.
        number: what was measured or counted, where it is a number.
        text: what it is, in a person's words.
        remedy: what to do about it; empty where there is nothing to be done: it is only a note.
    """

    code: str
    item: str
    number: float | None
    text: str
    remedy: str

    def as_dict(self) -> dict[str, Any]:
        """The finding as JSON has it."""
        return asdict(self)


def worst_first(found: Iterable[Finding]) -> list[Finding]:
    """By what their kind does to the result; notes come last."""
    rank = {code: place for place, code in enumerate(WORST)}
    return sorted(found, key=lambda one: (not one.remedy, rank.get(one.code, len(rank))))


def part(share: float) -> str:
    """``67 %``; what is little is never nothing."""
    return percent(share) if share >= 0.01 else "less than 1 %"


def of_size(item: str, size: Size, sizes: Sizes) -> Iterator[Finding]:
    """A picture that is smaller than its bucket, or much larger."""
    width, height = size
    bucket = bucket_of(width, height, sizes)
    factor = min(width / bucket[0], height / bucket[1])
    if upscaled(*size, bucket):
        text = f"its {width} × {height} pixels are fewer than the {bucket[0]} × {bucket[1]} it is trained at"
        yield Finding("too-small", item, round(factor, 3), text, "take a larger original, or an `images.upscale` model")
    elif factor > SHRUNK:
        text = f"it is scaled down {factor:.1f} times, to {bucket[0]} × {bucket[1]}: small parts of it are lost"
        yield Finding("shrunk", item, round(factor, 2), text, "add crops of it: upper body, portrait, detail")


PICTURES = {
    "blur": ("it is blurred ({:.2f}; 0 is sharp, 1 all blurred)", "leave it out, or take a sharper one"),
    "jpeg": ("it has blocks of a strong JPEG compression ({:.1f} levels high)", "take a better copy of it"),
    "letterbox": ("{} of it is bars, which would be learned", "cut them off: `images: {trim: 0.1}`"),
    "alpha": (
        "{} of it is transparent and becomes {background}",
        "give it a background, choose `images.background`, or write `masks: alpha`",
    ),
}
"""Measure of a picture → text and remedy."""
SHARES = ("letterbox", "alpha")


def of_look(item: str, measures: Mapping[str, float], background: str) -> Iterator[Finding]:
    """What the measures of a picture say that are beyond their bounds, by code."""
    for code, (text, remedy) in PICTURES.items():
        if code in measures:
            number = measures[code]
            shown = part(number) if code in SHARES else number
            yield Finding(code, item, number, text.format(shown, background=background), remedy)


def beyond(blur: float, blocks: float, bars: float, clear: float) -> dict[str, float]:
    """The measures of a look that are beyond their bounds, by code."""
    found = {"blur": (blur, BLUR), "jpeg": (blocks, BLOCKS), "letterbox": (bars, BARS), "alpha": (clear, 0.0)}
    return {code: number for code, (number, most) in found.items() if number > most}


def monochrome(concept: str, grey: int, images: int) -> Iterator[Finding]:
    """A concept of which more than half has no colour."""
    if images and grey / images > MONOCHROME:
        text = f"{grey} of its {images} images have no colour: what is learned tends to have none either"
        yield Finding("monochrome", concept, round(grey / images, 4), text, "add coloured ones; 80 % grey at most")


def of_caption(item: str, caption: str, tokens: int, most: int) -> Iterator[Finding]:
    """A caption that says nothing, or more than is read."""
    size = len(caption.encode())
    if not caption.strip():
        yield Finding("empty-caption", item, 0, "its caption is empty", "name what it shows, or lower the threshold")
    if tokens > most:
        text = f"its caption has {tokens} tokens; the text encoder reads {most}"
        yield Finding("long-caption", item, tokens, text, "drop tags, or set captions.max_tokens")
    if size > CAPTION_BYTES:
        text = f"its caption has {size:,} bytes"
        yield Finding("huge-caption", item, size, text, "perhaps its text file is something else: look at it")


def retro(tagged: int, images: int) -> Iterator[Finding]:
    """Pictures of the 80s and 90s, which are learned faster."""
    if images and tagged / images >= RETRO_SHARE:
        text = f"{tagged} of {images} images are tagged as of the 1980s or 1990s: such pictures are learned fast"
        remedy = "train a third: `budget: {retro: true}`, or a third of budget.steps"
        yield Finding("retro", "budget", round(tagged / images, 4), text, remedy)


def of_table(table: Table, buckets: Sequence[int], batch: int) -> Iterator[Finding]:
    """Concepts whose share of an epoch is off because repeats are whole numbers; more buckets than are filled."""
    kept = [row for row in table.concepts if row.share and row.per_epoch <= row.share]
    off = {row.name: row.per_epoch / row.share - 1 for row in kept}
    for name, part in off.items():
        if abs(part) > SHARE_OFF:
            less = "more" if part > 0 else "less"
            text = f"it gets {percent(abs(part))} {less} of an epoch than its share, because repeats are whole numbers"
            yield Finding("share-off", name, round(part, 4), text, "fewer epochs, more steps or `repeats:` come closer")
    if len(buckets) > BUCKETS and sum(buckets) < FILLED * batch * len(buckets):
        text = f"{sum(buckets)} images lie in {len(buckets)} sizes, with batches of {batch}: most batches aren't full"
        remedy = "crop images to a few shapes, or raise images.buckets.step"
        yield Finding("many-buckets", "images.buckets", len(buckets), text, remedy)
