"""``captions.tagger``: where tags and sentences come from, one class a tagger."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lorabuild.schema.section import QUIET, Section


class _Scoring(Section):
    """What every tagger with scores asks of them; none of it infers anything anew."""

    type: str = ""
    model: str = ""
    threshold: float = Field(0.35, ge=0, le=1, description="General tags at or above this score are kept.")
    character_threshold: float = Field(0.85, ge=0, le=1, description="Character tags at or above this score are kept.")
    mcut: bool = Field(
        default=False,
        json_schema_extra=QUIET,
        description="Cut general and character tags at the widest gap between their scores, picture by picture, "
        "instead of at the two thresholds.",
    )
    mcut_floor: float = Field(0.15, ge=0, le=1, json_schema_extra=QUIET, description="Below this `mcut` keeps nothing.")


class Wd14(_Scoring):
    """A WD14-family ONNX tagger: `model.onnx` with `selected_tags.csv`."""

    type: Literal["wd14"] = "wd14"
    model: str = Field(
        "SmilingWolf/wd-swinv2-tagger-v3", description="Folder, `.onnx` file, or hub id (`owner/name[@revision]`)."
    )


class _Wide(_Scoring):
    """A tagger that also names series, artists and the like."""

    other_threshold: float | None = Field(
        None,
        ge=0,
        le=1,
        examples=[0.5],
        description="Copyright, artist, meta, quality, model and year tags at or above this score are kept; "
        "without it none is.",
    )


class ClTagger(_Wide):
    """An ONNX tagger in cl_tagger's layout: `model_optimized.onnx` (or another `.onnx`) with `tag_mapping.json`."""

    type: Literal["cl_tagger"] = "cl_tagger"
    model: str = Field("cella110n/cl_tagger", description="Folder, `.onnx` file, or hub id (`owner/name[@revision]`).")
    version: str = Field(
        "cl_tagger_1_02",
        pattern=r"^[\w.-]*$",
        description="Folder of the hub's repository that holds the version; a folder of one's own needs none.",
    )


class Camie(_Wide):
    """A Camie ONNX tagger: `camie-tagger-v2.onnx` with `camie-tagger-v2-metadata.json`, or the first version's."""

    type: Literal["camie"] = "camie"
    model: str = Field(
        "Camais03/camie-tagger-v2", description="Folder, `.onnx` file, or hub id (`owner/name[@revision]`)."
    )


class Prose(Section):
    """A captioner that writes sentences, through transformers: BLIP-2, Florence-2, LLaVA/JoyCaption, Qwen-VL."""

    type: Literal["prose"] = "prose"
    model: str = Field(
        "Salesforce/blip2-opt-2.7b", description="Folder, or hub id (`owner/name[@revision]`); safetensors only."
    )
    prompt: str = Field(
        "",
        examples=["<DETAILED_CAPTION>"],
        description="What is asked: a sentence, a task word of Florence-2, the beginning of an answer; "
        "it goes through the model's own chat template where it has one.",
    )
    system: str = Field(
        "",
        examples=["You are a helpful image captioner."],
        description="What a chat model is told before it is asked.",
    )
    beams: int = Field(10, ge=1, le=64, description="Beams of the search; 1 is greedy. Nothing is drawn at random.")
    min_tokens: int = Field(25, ge=0, le=4096, description="Shortest answer, in the model's own tokens.")
    max_tokens: int = Field(
        100,
        ge=1,
        le=4096,
        description="Longest answer, in the model's own tokens; one that is cut ends with a sentence.",
    )
    max_pixels: int = Field(
        1_003_520,
        ge=784,
        description="Most pixels that a model for pictures of any size (Qwen-VL) is shown.",
    )


class Sidecar(Section):
    """Tags from a text file beside each image."""

    type: Literal["sidecar"] = "sidecar"
    extension: str = Field(
        ".txt",
        pattern=r"^\.[A-Za-z0-9_.-]+$",
        description="Ending of the side file, instead of the image's; begins with a dot.",
    )


Part = Annotated[Wd14 | ClTagger | Camie | Prose | Sidecar, Field(discriminator="type")]


class Merged(Section):
    """Several taggers together: what two of them see is one tag, with the better score."""

    type: Literal["merged"] = "merged"
    of: tuple[Part, ...] = Field(
        min_length=1, examples=[[{"type": "wd14"}, {"type": "prose"}]], description="The taggers, each as it is alone."
    )


Tagger = Annotated[Wd14 | ClTagger | Camie | Prose | Sidecar | Merged, Field(discriminator="type")]
