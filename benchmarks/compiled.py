"""Whether a training with ``training.compile`` is the training without it, with real kernels on this machine's CPU.

    PYTHONPATH=. nice python benchmarks/compiled.py

A miniature of Stable Diffusion 1.5 with one level is trained for two epochs through the ``train`` stage, in batches of
two sizes: plainly, compiled with nothing compiled before, compiled again, compiled and stopped by Ctrl-C on the way,
and compiled with gradient checkpointing. Of each it prints how far the losses and the trained weights are from the
plain ones (relative to the largest), whether the bytes are those of the first compiled training, how many graphs were
made, and seconds. Needs g++.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, os.fspath(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, os.fspath(Path(__file__).parents[1] / "tests/models"))
sys.path.insert(0, os.fspath(Path(__file__).parents[1] / "tests/stages"))

import tiny_sd15
import torch
from safetensors.torch import load
from test_compiled import SMALL
from test_train import Built
from torch._dynamo.utils import counters

from lorabuild.training import progress

NETWORK = {"type": "locon", "dim": 4, "alpha": 2, "conv_dim": 2}
ROWS: dict[str, dict[str, Any]] = {
    "plain": {},
    "compiled": {"compile": True},
    "compiled again": {"compile": True},
    "compiled, stopped and resumed": {"compile": True},
    "compiled, gradient checkpointing": {"compile": True, "gradient_checkpointing": True},
}


def main() -> None:
    torch.set_num_threads(1)
    progress.PAUSE = 0
    for precision in ("fp32", "bf16"):
        with tempfile.TemporaryDirectory() as folder:
            os.environ["TORCHINDUCTOR_CACHE_DIR"] = f"{folder}/compiled"
            base = tiny_sd15.make(Path(folder) / "base", unet=SMALL)
            print(f"\n| {precision} | losses | weights | same bytes | graphs | seconds |\n|---|---|---|---|---|---|")
            found: dict[str, dict[str, bytes]] = {}
            for name, words in ROWS.items():
                settings = {"batch": 5, "optimizer": {"type": "adamw", "lr": 0.01}, "save_state_every": 2}
                made = Built(
                    Path(folder) / name, base, training={**settings, "precision": precision, **words}, network=NETWORK
                )
                row(name, made, found)


def row(name: str, made: Any, found: dict[str, dict[str, bytes]]) -> None:
    """Train, and print how it compares with those before."""
    began, before = time.perf_counter(), counters["stats"]["unique_graphs"]
    if "stopped" in name:
        stopped(made)
    made.run()
    found[name] = made.bytes()
    apart = f"{distance(losses(found[name]), losses(found['plain'])):.1e}"
    weights = f"{distance(last(found[name]), last(found['plain'])):.1e}"
    same = found[name]["epoch-0002"] == found["compiled"]["epoch-0002"] if name != "plain" else ""
    graphs = counters["stats"]["unique_graphs"] - before
    print(f"| {name} | {apart} | {weights} | {same} | {graphs} | {time.perf_counter() - began:.1f} |", flush=True)


def stopped(made: Any) -> None:
    """Train until the middle of the second epoch."""

    def stop(event: Any) -> None:
        if event.data.get("done") == 5:
            raise KeyboardInterrupt

    try:
        made.run(stop)
    except KeyboardInterrupt:
        return
    sys.exit("it wasn't stopped")


def losses(data: dict[str, bytes]) -> torch.Tensor:
    """The loss of every step."""
    return torch.tensor([json.loads(line)["loss"] for line in data["log"].splitlines()])


def last(data: dict[str, bytes]) -> torch.Tensor:
    """What was trained, in one row."""
    found = load(data["epoch-0002"])
    return torch.cat([found[name].flatten() for name in sorted(found) if not name.endswith("alpha")])


def distance(found: torch.Tensor, wanted: torch.Tensor) -> float:
    """The largest difference, as a share of the largest value."""
    return float((found - wanted).abs().max() / wanted.abs().max())


if __name__ == "__main__":
    main()
