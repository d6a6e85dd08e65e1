"""Whether `lorabuild pick` tells a run that is too long or too short, and picks as the example's classifier would.

    PYTHONPATH=. python benchmarks/picking.py [--keep FOLDER] [--pictures 6] [--count 16]

Builds the example project three times, beside one another in ``--keep`` (a temporary folder by default; what is there
already is only brought up to date): as it is; with four times the image steps, in epochs of the same length; with an
eighth of them. Each is picked, and the classifier of the tests scores every epoch's pictures, of which ``pick`` knows
nothing: the mean of the shares that show the new creature when it is asked for, that show the cape when and only when
it is asked for, and that show what prompts without a trigger say. A quarter of an hour on one idle core.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

PACKAGE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PACKAGE / "tests"))

import drawn  # noqa: E402

from lorabuild.graph.session import viewing  # noqa: E402
from lorabuild.schema.load import load  # noqa: E402

RUNS = {"usual": (1500, 4, "good"), "4 ×": (6000, 16, "overtrained"), "÷ 8": (256, 6, "undertrained")}
"""Name → image steps (repeats are rounded down: 256 in 6 epochs are 168 of the usual 1456), epochs, verdict."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--pictures", type=int, default=6)
    parser.add_argument("--count", type=int, default=16)
    wishes = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = wishes.keep or Path(name)
        print(
            "| run | verdict | picked | its classifier score | best epoch's | last epoch's |\n|---|---|---|---|---|---|"
        )
        for number, (run, (steps, epochs, wanted)) in enumerate(RUNS.items()):
            root = project(folder / f"run-{number}", steps, epochs)
            found = picked(root, wishes.pictures)
            scores = judged(root, wishes.count)
            mine, best = scores[found["epoch"]], max(scores.values())
            told = f"{mine:.3f} | {best:.3f} | {scores[max(scores)]:.3f}"
            print(f"| {run} | {found['verdict']} | {found['epoch']} of {epochs} | {told} |", flush=True)
            assert found["verdict"] == wanted, found["why"]
            assert mine >= 0.95 * best, scores


def project(root: Path, steps: int, epochs: int) -> Path:
    """The example, built with another budget."""
    if not root.exists():
        left_behind = shutil.ignore_patterns("out", ".lorabuild", "make", "lora.lock", "lora.manifest.tsv")
        shutil.copytree(PACKAGE / "example_project", root, ignore=left_behind)
        text = (root / "lora.yaml").read_text("utf-8")
        text = text.replace("  steps: 1500 ", f"  steps: {steps} ").replace("  epochs: 4\n", f"  epochs: {epochs}\n")
        (root / "lora.yaml").write_text(text, "utf-8")
    subprocess.run([sys.executable, "-m", "lorabuild", "-C", str(root), "-q"], check=True)
    return root


def picked(root: Path, pictures: int) -> dict:
    words = ["pick", "-C", str(root), "--json", "--set", f"judge.pictures={pictures}"]
    return json.loads(
        subprocess.run([sys.executable, "-m", "lorabuild", *words], check=True, capture_output=True).stdout
    )


def judged(root: Path, count: int) -> dict[int, float]:
    """Epoch → what the classifier says of its pictures."""
    easel, free = drawn.Easel(root), drawn.without_trigger(count)
    plain, cape = (drawn.with_trigger(count, cape=caped) for caped in (False, True))
    scores = {}
    with viewing(load(root)) as view:
        trained = view.made("train")["train"]
        for epoch in range(1, trained.facts["epochs"] + 1):
            lora = view.store.read(trained.outputs[f"epoch-{epoch:04d}"])
            seen = [easel.draw(asked, seed, lora) for asked, seed in ((plain, 1000), (cape, 2000), (free, 3000))]
            capes = (drawn.capes(seen[1]) + 1 - drawn.capes(seen[0])) / 2
            kept = float(np.mean([*drawn.follows(free, seen[2]).values()]))
            scores[epoch] = (drawn.creatures(np.concatenate(seen[:2])) + capes + kept) / 3
    return scores


if __name__ == "__main__":
    main()
