"""Everything that the report shows, as plain records: made by ``gather``, drawn by the template."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lorabuild.publish.chart import Curves
    from lorabuild.publish.choice import Choice
    from lorabuild.publish.facts import TrainedImage
    from lorabuild.publish.grids import Grid
    from lorabuild.publish.origin import Origin
    from lorabuild.publish.sizes import Sizes
    from lorabuild.publish.timeline import Timeline
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

    @property
    def absorbed(self) -> dict[str, list[str]]:
        """Trigger → the tags that it took out of this caption."""
        found: dict[str, list[str]] = {}
        for tag, trigger in self.image.pruned:
            found.setdefault(trigger, []).append(tag)
        return found


@dataclass(frozen=True, slots=True)
class ConceptPart:
    """A concept with its share of an epoch (looks at its images; percent) and the cards that are shown of it.

    ``once``: percent of an epoch in which each image is seen for the first time; the rest are repeats.
    """

    name: str
    triggers: tuple[str, ...]
    images: int
    repeats: int | str
    looks: int
    percent: float
    cards: tuple[Card, ...]
    once: float = 0.0


@dataclass(frozen=True, slots=True)
class Exposure:
    """How often a trigger is seen: in an epoch, in the whole run, and in percent of an epoch's looks.

    ``full``: the whole run in percent of the most that one trigger should see.
    """

    name: str
    kind: str
    per_epoch: int
    total: int
    percent: float
    full: float = 0.0


@dataclass(frozen=True, slots=True)
class Drawn:
    """One sample picture with its column label.

    ``shipped`` marks the epoch that was packed; ``stop`` is its place on the timeline, None of one that always stands.
    """

    label: str
    picture: Picture
    shipped: bool
    stop: int | None = None


@dataclass(frozen=True, slots=True)
class PromptRow:
    """A prompt and its pictures, without the LoRA first, then by epoch; of a slider by strength.

    ``told``: what else sets it apart from other rows of the prompt (seed, weight).
    """

    prompt: str
    pictures: tuple[Drawn, ...]
    told: str = ""


@dataclass(frozen=True, slots=True)
class Twins:
    """Two pictures of one concept, each as it lies, and their kind.

    ``same``: of equal ones the first is used, the other isn't; ``near``: alike; ``variant``: but for one place.
    """

    concept: str
    used: str
    left: str
    pictures: tuple[Picture, Picture]
    kind: str = "same"


@dataclass(frozen=True, slots=True)
class Probe:
    """What the base draws for a trigger before it is trained, and how it answers the word (0: nonsense, 1: known)."""

    trigger: str
    answer: float | None
    picture: Picture


@dataclass(frozen=True, slots=True)
class StageLine:
    """What a stage did in this build: items that ran, items that were reused, seconds; percent of the longest."""

    name: str
    ran: int
    reused: int
    seconds: float
    percent: float = 0.0


@dataclass(frozen=True, slots=True)
class Note:
    """An image set aside or a finding: what it is about, where it was noticed or its code, in a person's words.

    ``remedy``: what to do about it; lines of lora.yaml may stand below its first. ``trigger``: whose finding it is.
    """

    item: str
    place: str
    text: str
    remedy: str = ""
    trigger: str = ""


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
    timeline: Timeline
    curves: Curves | None
    epoch_losses: tuple[tuple[int, float], ...]
    shipped: int
    concepts: tuple[ConceptPart, ...]
    triggers: tuple[Exposure, ...]
    aside: tuple[Note, ...]
    findings: tuple[Note, ...]
    stages: tuple[StageLine, ...]
    files: tuple[OutputFile, ...]
    settings: tuple[tuple[str, str], ...]
    version: str
    origin: Origin
    sizes: Sizes | None = None
    duplicates: tuple[Twins, ...] = ()
    probes: tuple[Probe, ...] = ()
    choice: Choice | None = None
    grids: tuple[Grid, ...] = ()
    targets: tuple[str, ...] = ()
    validated: Mapping[int, float] = field(default_factory=dict)
    stopped: str = ""
    learning: Learning | None = None
