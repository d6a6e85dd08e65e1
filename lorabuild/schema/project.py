"""The whole of lora.yaml."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from lorabuild.schema.base import Base
from lorabuild.schema.budget import Budget
from lorabuild.schema.captions import Captions
from lorabuild.schema.concepts import Concept, Trigger
from lorabuild.schema.device import Device
from lorabuild.schema.finish import Finish
from lorabuild.schema.images import Images
from lorabuild.schema.judge import Judge
from lorabuild.schema.lint import Lint
from lorabuild.schema.network import LoRA, Network
from lorabuild.schema.output import Output
from lorabuild.schema.regularization import Regularization
from lorabuild.schema.samples import Samples
from lorabuild.schema.section import QUIET, Section, frozen
from lorabuild.schema.slider import Slider
from lorabuild.schema.sources import Source
from lorabuild.schema.store import Storage
from lorabuild.schema.training import Training


class Project(Section):
    """What a LoRA is made from."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$",
        examples=["zorbl"],
        description=(
            "Name of the LoRA and of its files: at most 100 letters, digits, `.`, `_`, `-`; a letter or digit first."
        ),
    )
    kind: Literal["lora", "slider"] = Field(
        "lora", description="`lora` learns from images; `slider` learns a direction between prompts, without images."
    )
    base: Base = Field(description="The model that the LoRA is trained on.")
    sources: tuple[Source, ...] = Field(
        (),
        examples=[[{"path": "../raw/fanart.zip", "into": "misc"}]],
        description="Where pictures come from beside the concepts' folders.",
        json_schema_extra=QUIET,
    )
    triggers: dict[str, Trigger] = Field(
        {}, examples=[{"zorbl": {"kind": "character"}}], description="New words and what they absorb."
    )
    concepts: dict[str, Concept] = Field(
        {},
        examples=[{"plain": {"folder": "dataset/plain", "triggers": ["zorbl"]}}],
        description="Folders of images and the triggers that they show; **must be written** unless it is a slider.",
    )
    slider: Slider | None = Field(
        None,
        examples=[{"targets": [{"target": "1girl", "positive": "1girl, smile", "negative": "1girl, frown"}]}],
        description="Prompts between which a slider moves; for `kind: slider`, and only there.",
    )
    images: Images = Field(Images(), description="Size, buckets, preparation.")
    captions: Captions = Field(Captions(), description="Taggers and caption rules.")
    budget: Budget = Field(Budget(), description="How long to train.")
    regularization: Regularization | None = Field(
        None,
        examples=[{"generate": {"count": 64}}],
        description="Prior pictures made by the base model; off unless written.",
    )
    network: Network = Field(LoRA(), description="The adapter that is trained.")
    training: Training = Field(Training(), description="Optimizer, schedule, loss, batches.")
    finish: tuple[Finish, ...] = Field(
        (),
        examples=[[{"rebase": {"from": 0.5}}, {"resize": 16}]],
        json_schema_extra=QUIET,
        description="What is done to the trained LoRA before it is packed, step by step.",
    )
    samples: Samples = Field(Samples(), description="Pictures drawn to judge the result.")
    judge: Judge = Field(Judge(), description="How epochs are compared, to choose one.")
    output: Output = Field(Output(), description="Where the result goes and what it says of itself.")
    lint: Lint = Field(Lint(), description="Findings that aren't told.")
    device: Device = Field(Device(), description="Where the work is done.")
    store: Storage = Field(Storage(), description="Where results are kept and shared.")
    variants: Annotated[dict[str, dict[str, Any]], AfterValidator(frozen)] = Field(
        {},
        examples=[{"rank32": {"network.dim": 32}}],
        description="More LoRAs from the same images, `<name>-<variant>`: each with some words said otherwise.",
    )
