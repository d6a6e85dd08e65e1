"""Whether every kind of network learns: the example's creature, trained with each and seen by the example's own judge.

    nice -n 15 python benchmarks/learns.py [--folder DIR] [NAME…]

Prints a table: how often the trigger draws the creature, how often the cape comes when it is asked for and when not,
how often the creature comes uncalled, and how well the base still draws what it knew. A finished kind is kept in DIR
(`learns.json`) and not trained again. About three minutes a kind on one core.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

LR = "training.optimizer.lr"
KINDS = {
    "lora": ["network={type: lora, dim: 16, alpha: 16}"],
    "locon": [],
    "loha": ["network={type: loha, dim: 8, alpha: 8, conv_dim: 8, conv_alpha: 8}"],
    "lokr": ["network={type: lokr, dim: 16, alpha: 16, factor: 4, conv_dim: 16, conv_alpha: 16}"],
    "ia3": ["network={type: ia3, only: ['*'], convolutions: true}", f"{LR}=0.12"],
    "diag_oft": ["network={type: diag_oft, dim: 16, convolutions: true}", f"{LR}=5.0e-3"],
    "dora": ["network.dora=true"],
    "dylora": ["network={type: dylora, dim: 16, alpha: 16, unit: 4, conv_dim: 16, conv_alpha: 16}"],
    "lora_fa": ["network={type: lora_fa, dim: 16, alpha: 16, conv_dim: 16, conv_alpha: 16}"],
    "full": ["network={type: full, convolutions: true}", f"{LR}=2.0e-4"],
}
FIRST = ("lora", "locon", "loha", "lokr", "ia3", "diag_oft")
COUNT = 32
SEEDS = {"plain": 1000, "cape": 2000, "free": 3000}


def project(folder: Path) -> Path:
    """A copy of the example, made once; its caches serve every kind."""
    place = folder / "zorbl"
    if not place.exists():
        left = shutil.ignore_patterns("out", ".lorabuild", "make", "lora.lock", "lora.manifest.tsv")
        shutil.copytree(ROOT / "example_project", place, ignore=left)
    return place


def train(place: Path, overrides: list[str]) -> tuple[bytes, float]:
    """The finished file, and the processor seconds that the build took."""
    words = [part for one in [*overrides, "samples.prompts=[]"] for part in ("--set", one)]
    begun = os.times()
    subprocess.run(
        [sys.executable, "-m", "lorabuild", "-C", str(place), "-q", "build", "package", *words],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )
    ended = os.times()
    spent = ended.children_user + ended.children_system - begun.children_user - begun.children_system
    return (place / "out" / "zorbl.safetensors").read_bytes(), spent


def measure(place: Path, overrides: list[str], lora: bytes) -> dict[str, float]:
    """What the judge sees."""
    import drawn
    import numpy as np
    import torch

    from lorabuild.schema.load import load

    torch.set_num_threads(1)
    easel = drawn.Easel(place)
    easel.loaded = load(place, overrides)
    free = drawn.without_trigger(2 * COUNT)
    plain = easel.draw(drawn.with_trigger(COUNT, cape=False), SEEDS["plain"], lora)
    caped = easel.draw(drawn.with_trigger(COUNT, cape=True), SEEDS["cape"], lora)
    after = easel.draw(free, SEEDS["free"], lora)
    kept, known = drawn.follows(free, after), _known(place, easel, free)
    return {
        "creature": drawn.creatures(np.concatenate([plain, caped])),
        "cape": drawn.capes(caped),
        "uncalled cape": drawn.capes(plain),
        "uncalled creature": drawn.creatures(after),
        "lost": max(known[head] - kept[head] for head in known),
        "KiB": len(lora) / 1024,
    }


def _known(place: Path, easel: Any, free: list[Any]) -> dict[str, float]:
    """What the base alone draws right, measured once."""
    import drawn

    kept = place.parent / "base.json"
    if not kept.exists():
        kept.write_text(json.dumps(drawn.follows(free, easel.draw(free, SEEDS["free"]))), "utf-8")
    found: dict[str, float] = json.loads(kept.read_text("utf-8"))
    return found


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--folder", type=Path, default=Path("learns"))
    asked.add_argument("names", nargs="*", default=FIRST)
    given = asked.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    kept = given.folder / "learns.json"
    found = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
    place = project(given.folder)
    for name in given.names:
        told = " ".join(KINDS[name])
        if found.get(name, {}).get("told") != told:
            lora, seconds = train(place, KINDS[name])
            found[name] = {"told": told, **measure(place, KINDS[name], lora), "CPU s": seconds}
            kept.write_text(json.dumps(found, indent=1), "utf-8")
        row = found[name]
        print(f"{name:10}", *(f"{head} {value:.2f}" for head, value in row.items() if head != "told"), flush=True)


if __name__ == "__main__":
    main()
