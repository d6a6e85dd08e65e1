"""What a training takes of memory: the peak of the ``train`` stage's process, by family, batch and settings.

    PYTHONPATH=. python benchmarks/memory.py [--size 512] [--family sd15 --family sdxl] [--batch 1 --batch 4]
        [--device cpu] [--channels 0]

The models are those of ``step.py``: narrow layouts with random weights, ``--channels 0`` their real size. Every row is
a process of its own that trains a rank 16 LoRA for three steps; beside the peak stands what ``training/preflight.py``
estimates for the same settings before anything is loaded. On a GPU the peak is that of what was allocated there.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, os.fspath(Path(__file__).parent))

import step

RANK = 16
ROWS: dict[str, dict[str, Any]] = {
    "fp32": {},
    "fp32, gradient checkpointing": {"gradient_checkpointing": True},
    "bf16": {"precision": "bf16"},
    "bf16, gradient checkpointing": {"precision": "bf16", "gradient_checkpointing": True},
    "bf16, 8-bit AdamW": {"precision": "bf16", "optimizer": "{type: adamw8bit}"},
    "fp32, Prodigy": {"optimizer": "{type: prodigy}"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--family", action="append")
    parser.add_argument("--batch", type=int, action="append")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--channels", type=int, nargs="+")
    wishes = parser.parse_args()
    print("| family | batch | settings | peak MB | estimated MB | s a step |\n|---|---|---|---|---|---|")
    for family in wishes.family or ["sd15", "sdxl"]:
        with tempfile.TemporaryDirectory() as folder:
            asked = argparse.Namespace(**vars(wishes), folder=Path(folder), standard=None, standard_python=None)
            asked.family, asked.channels = family, wishes.channels or step.NARROW[family]
            asked.threads, asked.steps, asked.precision, asked.set = 1, 1, "fp32", []
            step.make(asked)
            for batch in wishes.batch or [1, 4]:
                for told, settings in ROWS.items():
                    row(asked, batch, told, settings)


def row(asked: argparse.Namespace, batch: int, told: str, settings: dict[str, Any]) -> None:
    """Train with these settings, and print what it took."""
    asked.batch = batch
    asked.set = [f"training.{word}={value}" for word, value in ({"gradient_checkpointing": False} | settings).items()]
    answer = step.run("ours", asked)
    estimate = estimated(asked, settings) / (1 << 20)
    seconds = min(answer["seconds"])
    print(
        f"| {asked.family} | {batch} | {told} | {answer['memory']:.0f} | {estimate:.0f} | {seconds:.2f} |", flush=True
    )


def estimated(asked: argparse.Namespace, settings: dict[str, Any]) -> int:
    """Bytes that the preflight says."""
    import yaml

    from lorabuild.schema.training import Training
    from lorabuild.training import preflight

    read = {word: yaml.safe_load(str(value)) for word, value in settings.items()}
    training = Training.model_validate({"train": "unet", "batch": asked.batch, "precision": "fp32", **read})
    shapes, told = step.shapes(asked), step.counted(asked)
    linear = [shape for name, shape in shapes.items() if name.endswith(".weight") and _adapted(name)]
    learned = sum(RANK * (shape[0] + shape[1]) for shape in linear)
    needs = preflight.memory(training, told["frozen"], learned, told["outputs"], device=asked.device)
    return needs.total(checkpointing=training.gradient_checkpointing == "always")


def _adapted(name: str) -> bool:
    return "attentions" in name and "norm" not in name


if __name__ == "__main__":
    main()
