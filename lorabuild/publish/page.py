"""Everything that the report shows, as plain records: made by ``gather``, drawn by the template."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lorabuild.publish.chart import Curves
    from lorabuild.publish.facts import TrainedImage
    from lorabuild.publish.upset import Learning


@dataclass(frozen=True, slots=True)
class Picture:
    """Encoded bytes, their media type and their size in pixels."""

    data: bytes
    media: str
    width: int
    height: int

    @property
    def uri(self) -> str:
        """The picture as a ``data:`` address: the page needs no file beside it and no network."""
        return f"data:{self.media};base64,{base64.b64encode(self.data).decode()}"

    @property
    def tiny(self) -> bool:
        """Whether its pixels should be shown as squares when it is enlarged."""
        return max(self.width, self.height) < 160


@dataclass(frozen=True, slots=True)
class Card:
    """An image of the gallery: its facts, its triggers and plain tags in caption order, and a picture of it."""

    image: TrainedImage
    triggers: tuple[str, ...]
    kept: tuple[str, ...]
    picture: Picture | None


@dataclass(frozen=True, slots=True)
class ConceptPart:
    """A concept with its share of an epoch (looks at its images; percent) and the cards that are shown of it."""

    name: str
    triggers: tuple[str, ...]
    images: int
    repeats: int
    looks: int
    percent: float
    cards: tuple[Card, ...]


@dataclass(frozen=True, slots=True)
class Exposure:
    """How often a trigger is seen: in an epoch, in the whole run, and in percent of an epoch's looks."""

    name: str
    kind: str
    per_epoch: int
    total: int
    percent: float


@dataclass(frozen=True, slots=True)
class BucketBar:
    """A bucket in pixels, its images, and percent of the fullest bucket."""

    width: int
    height: int
    images: int
    percent: float


@dataclass(frozen=True, slots=True)
class Drawn:
    """One sample picture with its column label; ``shipped`` marks the epoch that was packed."""

    label: str
    picture: Picture
    shipped: bool


@dataclass(frozen=True, slots=True)
class PromptRow:
    """A prompt and its pictures, without the LoRA first, then by epoch and weight; of a slider by strength."""

    prompt: str
    pictures: tuple[Drawn, ...]


@dataclass(frozen=True, slots=True)
class StageLine:
    """What a stage did in this build: items that ran, items that were reused, seconds."""

    name: str
    ran: int
    reused: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Note:
    """An image set aside or a warning: what it is about, where it was noticed, in a person's words."""

    item: str
    place: str
    text: str


@dataclass(frozen=True, slots=True)
class OutputFile:
    """A file that left the build."""

    name: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Usage:
    """Lines to copy: the prompt for the web UI, strengths for ComfyUI, a script for diffusers; advice beside them."""

    webui: str
    prompt: str
    negative: str
    weight: float
    diffusers: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class ReportData:
    """The whole page."""

    title: str
    name: str
    description: str | None
    author: str | None
    license: str | None
    facts: tuple[tuple[str, str], ...]
    hero: tuple[Drawn, ...]
    hero_prompt: str
    usage: Usage
    samples: tuple[PromptRow, ...]
    curves: Curves | None
    epoch_losses: tuple[tuple[int, float], ...]
    shipped: int
    concepts: tuple[ConceptPart, ...]
    triggers: tuple[Exposure, ...]
    buckets: tuple[BucketBar, ...]
    aside: tuple[Note, ...]
    warnings: tuple[Note, ...]
    stages: tuple[StageLine, ...]
    files: tuple[OutputFile, ...]
    settings: tuple[tuple[str, str], ...]
    version: str
    targets: tuple[str, ...] = ()
    validated: Mapping[int, float] = field(default_factory=dict)
    stopped: str = ""
    learning: Learning | None = None
