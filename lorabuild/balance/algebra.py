"""Trigger algebra: what is asked – concepts as sets, captions as data – and what is answered, as plain records."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class Finding(NamedTuple):
    """What a person should look twice at: a trigger, a code, what else it is about, why, and what to do.

    Attributes:
        trigger: the trigger's word.
        code: ``inseparable``, ``leaks-to-shared``, ``dominated``, ``too-few-images``, ``under-exposed``,
            ``over-exposed``, ``contaminated-word``.
        with_: other triggers, tags or words that it is about.
        text: what is wrong, with numbers.
        remedy: what to do about it: a sentence; lines of ``lora.yaml`` may stand below it.
    """

    trigger: str
    code: str
    with_: tuple[str, ...]
    text: str
    remedy: str

    def as_dict(self) -> dict[str, Any]:
        """The finding as JSON has it, under its trigger."""
        return {"code": self.code, "with": list(self.with_), "text": self.text, "remedy": self.remedy}


@dataclass(frozen=True, slots=True)
class Word:
    """A trigger as it is asked about.

    Attributes:
        name: the word.
        kind: ``character``, ``outfit``, …
        per_epoch, total: how often training sees it.
        absorbs: the patterns that it takes out of captions, written or by its kind.
    """

    name: str
    kind: str = "character"
    per_epoch: int = 0
    total: int = 0
    absorbs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """A concept as ``lora.yaml`` has it: where its images lie, what they show, whether it takes its whole folder."""

    name: str
    triggers: tuple[str, ...] = ()
    folder: str = ""
    weight: float = 1.0
    repeats: int | None = None
    whole: bool = True


class Shown(NamedTuple):
    """One image: its concept, how often an epoch shows it, tags that stayed, and (tag, the trigger that took it).

    Of a caption ``by_hand`` only what it says is known, not what it leaves out.
    """

    concept: str
    repeats: int
    said: Iterable[str]
    pruned: Iterable[tuple[str, str]] = ()
    by_hand: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """Everything that the algebra depends on.

    Attributes:
        words: the triggers, in the order of ``lora.yaml``.
        concepts: the concepts.
        images: the images that are trained on.
        optimizer: name of the optimizer; it bounds exposure. recipe: ``auto``, ``adamw`` or ``prodigy``.
        scale: what the model, the loss and the kind of pictures make of a recipe, see ``recipes.factor``.
        steps, epochs: of the budget.
    """

    words: tuple[Word, ...]
    concepts: tuple[Source, ...]
    images: Iterable[Shown]
    optimizer: str = "adamw"
    recipe: str = "auto"
    scale: Fraction = field(default=Fraction(1))
    steps: int | None = None
    epochs: int = 8


class Share(NamedTuple):
    """A tag, and in what share of a trigger's images it is so."""

    tag: str
    share: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a trigger will learn.

    Attributes:
        word: the trigger.
        images: how many images show it.
        by_hand: how many of them have a caption of which is not known what it leaves out.
        absorbs: tags that it takes out of captions, the commonest first.
        clean: (tag, concepts): tags that other triggers take out beside it, and captions of these concepts say: so
            they stay out of it.
        findings: what to look twice at.
    """

    word: Word
    images: int
    by_hand: int = 0
    absorbs: tuple[Share, ...] = ()
    clean: tuple[tuple[str, tuple[str, ...]], ...] = ()
    findings: tuple[Finding, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The verdict as JSON has it."""
        return {
            "name": self.word.name,
            "kind": self.word.kind,
            "images": self.images,
            "by_hand": self.by_hand,
            "per_epoch": self.word.per_epoch,
            "total": self.word.total,
            "absorbs": [{"tag": one.tag, "share": round(one.share, 4)} for one in self.absorbs],
            "clean": [{"tag": tag, "concepts": list(concepts)} for tag, concepts in self.clean],
            "findings": [finding.as_dict() for finding in self.findings],
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """Every trigger's verdict, and (triggers, images) of every combination of them, the commonest first."""

    triggers: tuple[Verdict, ...]
    together: tuple[tuple[tuple[str, ...], int], ...]

    def as_dict(self) -> dict[str, Any]:
        """The answer as JSON has it."""
        return {
            "triggers": [verdict.as_dict() for verdict in self.triggers],
            "together": [{"triggers": list(names), "images": images} for names, images in self.together],
        }
