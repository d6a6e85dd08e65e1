"""Whether `lorabuild pick` tells a run that is too long or too short, and picks as the example's classifier would.

    PYTHONPATH=. python benchmarks/picking.py [--keep FOLDER] [--pictures 6] [--count 16] [--write JSON]

Builds the example project three times, beside one another in ``--keep`` (a temporary folder by default; what is there
already is only brought up to date): as it is; with four times the image steps, in epochs of the same length; with an
eighth of them. Each is picked, and the classifier of the tests scores every epoch's pictures, of which ``pick`` knows
nothing: the mean of the shares that show the new creature when it is asked for, that show the cape when and only when
it is asked for, and that show what prompts without a trigger say.

Then the weights of the picked and of the last epoch: what ``pick`` says of them beside the classifier (creature and
cape; half of ``--count`` each) and the colours: the share of pixels in the pictures that ``pick`` drew from captions
that would have to change theirs, of 64, to be coloured as the images of these captions are. ``--write
tests/data/picking.json`` keeps what was measured for the tests. Half an hour on one idle core.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

PACKAGE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PACKAGE / "tests"))

import drawn  # noqa: E402

from lorabuild.core.events import silent  # noqa: E402
from lorabuild.evaluate import judge, picture  # noqa: E402
from lorabuild.graph import judged, pick  # noqa: E402
from lorabuild.graph.session import viewing  # noqa: E402
from lorabuild.schema.load import load  # noqa: E402

if TYPE_CHECKING:
    from lorabuild.graph.view import View

RUNS = {"usual": (1500, 4, "good"), "4 ×": (6000, 16, "overtrained"), "÷ 8": (256, 6, "undertrained")}
"""Name → image steps (repeats are rounded down: 256 in 6 epochs are 180 of the usual 1440), epochs, verdict."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--pictures", type=int, default=6)
    parser.add_argument("--count", type=int, default=16)
    parser.add_argument("--write", type=Path)
    wishes = parser.parse_args()
    told = {}
    with tempfile.TemporaryDirectory() as name:
        for number, (run, (steps, epochs, wanted)) in enumerate(RUNS.items()):
            root = project((wishes.keep or Path(name)) / f"run-{number}", steps, epochs)
            found, scores = picked(root, wishes.pictures), scored(root, wishes.count)
            weights = {
                epoch: weighed(root, epoch, wishes.pictures, wishes.count // 2) for epoch in (found["epoch"], epochs)
            }
            told[run] = {**found, "wanted": wanted, "scores": scores, "weights": weights}
            print(run, found["verdict"], *found["why"], sep="\n", end="\n\n", flush=True)
    print("\n".join([*table(told), "", *weight_table(told)]))
    if wishes.write:
        wishes.write.write_text(json.dumps(kept(told), indent=1, ensure_ascii=False) + "\n", "utf-8")
    for run, found in told.items():
        assert found["verdict"] == found["wanted"], (run, found["why"])
        assert found["scores"][found["epoch"]] >= 0.95 * max(found["scores"].values()), (run, found["scores"])


def table(told: dict) -> list[str]:
    lines = [
        "| run | verdict | picked | its classifier score | best epoch's | last epoch's |",
        "|---|---|---|---|---|---|",
    ]
    for run, found in told.items():
        scores, epoch, last = found["scores"], found["epoch"], max(found["scores"])
        said = f"{scores[epoch]:.3f} | {max(scores.values()):.3f} | {scores[last]:.3f}"
        lines.append(f"| {run} | {found['verdict']} | {epoch} of {last} | {said} |")
    return lines


def weight_table(told: dict) -> list[str]:
    lines = [
        "| run, epoch | weight | likeness | harshness | fried | classifier | colours |",
        "|---|---|---|---|---|---|---|",
    ]
    for run, found in told.items():
        for epoch, rows in found["weights"].items():
            lines += (
                f"| {run}, {epoch} | {row['weight']:g} | {row['likeness']:.2f} | {row['harshness']:.2f} | "
                f"{'yes' if row['fried'] else ''} | {row['classifier']:.2f} | {row['colours']:.2f} |"
                for row in rows
            )
    return lines


def kept(told: dict) -> dict:
    """What a test of the arithmetic needs, rounded."""
    words = ("epoch", "validation", "training", "likeness", "leak")

    def rounded(row: dict) -> dict:
        return {word: round(value, 4) if isinstance(value, float) else value for word, value in row.items()}

    return {
        run: {
            "base": round(found["base"], 4),
            "rows": [rounded({word: row[word] for word in words}) for row in found["rows"]],
            "scores": [round(score, 3) for score in found["scores"].values()],
            "weights": {epoch: [rounded(row) for row in rows] for epoch, rows in found["weights"].items()},
        }
        for run, found in told.items()
    }


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


def scored(root: Path, count: int) -> dict[int, float]:
    """Epoch → what the classifier says of its pictures."""
    easel, free = drawn.Easel(root), drawn.without_trigger(count)
    scores = {}
    with viewing(load(root)) as view:
        for epoch in range(1, view.made("train")["train"].facts["epochs"] + 1):
            lora = state(view, epoch)
            creatures, capes = triggered(easel, lora, count)
            kept = float(np.mean([*drawn.follows(free, easel.draw(free, 3000, lora)).values()]))
            scores[epoch] = (creatures + capes + kept) / 3
    return scores


def weighed(root: Path, epoch: int, pictures: int, count: int) -> list[dict]:
    """What ``pick`` sees of an epoch at each weight, beside the classifier and the colours."""
    easel, found = drawn.Easel(root), []
    with viewing(load(root, [f"judge.pictures={pictures}"])) as view:
        worn = pick._worn(view, epoch, lambda items: pick._made(view, items, silent))  # noqa: SLF001
        lora = state(view, epoch)
        for one in judge.marked(worn, judge.usable(worn)):
            creatures, capes = triggered(easel, lora, count, one.weight)
            told = {"weight": one.weight, "likeness": one.likeness, "harshness": one.harshness, "fried": one.fried}
            apart = recoloured(view, epoch, one.weight)
            found.append({**told, "classifier": (creatures + capes) / 2, "colours": apart})
    return found


def recoloured(view: View, epoch: int, weight: float) -> float:
    """How far colours of what ``pick`` drew are from those of the images whose captions it drew, 0 … 1."""
    asked = judged.asked(view)
    asked = asked if weight == 1 else asked._replace(free=[])
    keys = [item.key for item in judged.pictures(view, asked, (epoch,), (weight,))][len(asked.all()) :]
    made = view.store.results(keys)
    seen = [picture.decode(view.store.read(made[key].outputs["picture"])) for key in keys[: len(asked.shots)]]
    images = [Image.open(image.absolute(view)) for image in asked.images]
    return float(np.abs(colours(seen) - colours(images)).sum() / 2)


def state(view: View, epoch: int) -> bytes:
    return view.store.read(view.made("train")["train"].outputs[f"epoch-{epoch:04d}"])


def triggered(easel: drawn.Easel, lora: bytes, count: int, weight: float = 1.0) -> tuple[float, float]:
    """Shares that show the creature, and the cape when and only when it is asked for."""
    plain, caped = (drawn.with_trigger(count, cape=cape) for cape in (False, True))
    seen = [easel.draw(asked, seed, lora, weight) for asked, seed in ((plain, 1000), (caped, 2000))]
    capes = (drawn.capes(seen[1]) + 1 - drawn.capes(seen[0])) / 2
    return drawn.creatures(np.concatenate(seen)), capes


def colours(pictures: list[Image.Image]) -> np.ndarray:
    """How often each of 64 colours is there, as shares."""
    levels = np.stack([np.asarray(one.convert("RGB").resize((64, 64))) for one in pictures]).astype(int) // 64
    return np.bincount((levels @ (16, 4, 1)).ravel(), minlength=64) / (levels.size // 3)


if __name__ == "__main__":
    main()
