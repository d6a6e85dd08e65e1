"""A small net that says what is in a 64x64 picture of the example's world; made by `example_project/make/tagger.py`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import onnxruntime

HEADS = {
    "shape": ("round", "square", "triangle", "star", "ghost"),
    "colour": ("red", "yellow", "green", "blue", "purple", "white", "teal", "other"),
    "accessory": ("none", "hat", "bow", "sunglasses"),
    "background": ("plain", "grass", "night", "beach", "sunset", "room"),
    "size": ("small", "big"),
    "limbs": ("no", "yes"),
    "antennae": ("no", "yes"),
    "eyes": ("one", "two"),
    "cape": ("no", "yes"),
}


@cache
def _session() -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    file = Path(__file__).parent / "data" / "judge.onnx"
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def scores(images: np.ndarray) -> dict[str, np.ndarray]:
    """Score [n, labels] of every head, in the order of its labels: uint8 [n, 64, 64, 3], RGB."""
    if images.dtype != np.uint8 or images.shape[1:] != (64, 64, 3):
        raise ValueError(f"uint8 [n, 64, 64, 3] wanted, got {images.dtype} {images.shape}")
    return dict(zip(HEADS, _session().run(list(HEADS), {"input": images[..., ::-1].astype(np.float32)}), strict=True))


def judge(images: np.ndarray) -> dict[str, list[str]]:
    """Label of every head for every picture: uint8 [n, 64, 64, 3], RGB."""
    return {head: [HEADS[head][number] for number in part.argmax(axis=1)] for head, part in scores(images).items()}


def is_new_creature(found: dict[str, list[str]]) -> list[bool]:
    """Per picture: teal, one-eyed and with antennae."""
    looks = zip(found["colour"], found["eyes"], found["antennae"], strict=True)
    return [look == ("teal", "one", "yes") for look in looks]
