"""Trains the example's tagger (WD14 layout) and the tests' judge, on drawings only: `python -m make.tagger`.

Both are the same small convolutional net. They take float32 [n, 64, 64, 3]: BGR, 0-255, transparent parts white.
The tagger answers one probability per row of `selected_tags.csv`; the judge one set of scores per head.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from .captions import all_tags_of, any_spec, skin_name
from .draw import draw
from .train import falling_rate, generator_of, pixels_of, rng_of
from .words import ACCESSORIES, SCENES, SHAPES, SIZES, SKINS, TAGGER_TAGS

if TYPE_CHECKING:
    import random

    from .draw import Spec

HERE = Path(__file__).resolve().parent.parent
SEED = 13
RATINGS = ("general", "sensitive", "questionable", "explicit")
CHARACTERS = {"rubo_(pond)": ("square", "red", "hat"), "luma_(pond)": ("star", "yellow", "bow")}
"""Two residents of the drawings' world, so that the tagger has characters: shape, skin, accessory."""
HEADS: dict[str, tuple[str, ...]] = {
    "shape": SHAPES,
    "colour": (*SKINS, "teal", "other"),
    "accessory": ("none", *ACCESSORIES),
    "background": SCENES,
    "size": SIZES,
    "limbs": ("no", "yes"),
    "antennae": ("no", "yes"),
    "eyes": ("one", "two"),
    "cape": ("no", "yes"),
}
"""What the judge answers. Eyes behind sunglasses are anyone's guess."""


class Net(nn.Module):
    """Four halvings, then one linear layer that still knows where things are. 0.09 M parameters."""

    def __init__(self, answers: int) -> None:
        super().__init__()
        widths = (3, 16, 32, 48, 64)
        blocks = [
            nn.Sequential(nn.Conv2d(a, b, 5 if a == 3 else 3, 2, 2 if a == 3 else 1), nn.BatchNorm2d(b), nn.ReLU())
            for a, b in itertools.pairwise(widths)
        ]
        self.features, self.drop, self.answer = nn.Sequential(*blocks), nn.Dropout(0.2), nn.Linear(64 * 16, answers)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Scores [n, answers] of pictures [n, 64, 64, 3] (BGR, 0-255)."""
        signed = pictures.permute(0, 3, 1, 2) / 127.5 - 1
        scores: torch.Tensor = self.answer(self.drop(self.features(signed).flatten(1)))
        return scores


class Tagger(nn.Module):
    """The net as a WD14 tagger: probabilities."""

    def __init__(self, net: Net) -> None:
        super().__init__()
        self.net = net

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Probabilities [n, tags]."""
        return self.net(pictures).sigmoid()


class Judge(nn.Module):
    """The net as a judge: one tensor of scores per head."""

    def __init__(self, net: Net) -> None:
        super().__init__()
        self.net = net

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Scores [n, labels] per head, in the order of `HEADS`."""
        return self.net(pictures).split([len(labels) for labels in HEADS.values()], dim=1)


def tag_rows() -> list[tuple[str, int]]:
    """Name and WD14 category of every answer: 9 ratings, 0 general, 4 characters."""
    return [*((r, 9) for r in RATINGS), *((t, 0) for t in TAGGER_TAGS), *((c, 4) for c in CHARACTERS)]


def spec_for(rng: random.Random) -> Spec:
    """Any picture; now and then one of the known characters."""
    spec = any_spec(rng)
    if rng.random() < 0.06:
        shape, skin, accessory = rng.choice(list(CHARACTERS.values()))
        spec = replace(spec, shape=shape, skin=SKINS[skin], accessory=accessory, head="")
    return spec


def tag_answers(spec: Spec) -> list[float]:
    """1 for every row that is true of the picture."""
    who = (spec.shape, skin_name(spec.skin), spec.accessory)
    true = {"general", *all_tags_of(spec), *(name for name, looks in CHARACTERS.items() if looks == who)}
    return [float(name in true) for name, _ in tag_rows()]


def judge_answers(spec: Spec) -> list[int]:
    """The right label's number per head; -1 where it cannot be seen."""
    said = {
        "shape": spec.shape,
        "colour": skin_name(spec.skin),
        "accessory": spec.accessory or "none",
        "background": spec.scene,
        "size": spec.size,
        "limbs": "yes" if spec.limbs else "no",
        "antennae": "yes" if spec.head == "antennae" else "no",
        "eyes": "one" if spec.one_eye else "two",
        "cape": "yes" if spec.garment == "cape" else "no",
    }
    numbers = [labels.index(said[head]) for head, labels in HEADS.items()]
    if spec.accessory == "sunglasses":
        numbers[list(HEADS).index("eyes")] = -1
    return numbers


def judge_loss(scores: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
    """Sum of the heads' cross entropies. Scores [n, all labels], numbers int64 [n, heads]."""
    parts = scores.split([len(labels) for labels in HEADS.values()], dim=1)
    losses = [functional.cross_entropy(part, numbers[:, i], ignore_index=-1) for i, part in enumerate(parts)]
    return torch.stack(losses).sum()


def drawings(count: int, first: int) -> tuple[list[Spec], torch.Tensor]:
    """`count` specs and their pictures, float [n, 3, 64, 64], RGB 0-255. One in four is drawn larger, then shrunk."""
    specs = [spec_for(rng_of(SEED, number)) for number in range(first, first + count)]
    images = [draw(s) if s.seed % 4 else draw(s, 128).resize((64, 64), 3) for s in specs]
    return specs, pixels_of(images).float()


def roughen(pictures: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Blur some, add noise, shift and tint a little: as a VAE or a diffusion model may leave them."""
    count = len(pictures)
    blurred = functional.avg_pool2d(functional.pad(pictures, (1, 1, 1, 1), mode="replicate"), 3, 1)
    share = torch.rand(count, 1, 1, 1, generator=generator) * (torch.rand(count, 1, 1, 1, generator=generator) < 0.6)
    mixed = pictures + (blurred - pictures) * share
    tint = 1 + 0.06 * torch.randn(count, 3, 1, 1, generator=generator)
    noise = torch.randn(pictures.shape, generator=generator) * torch.rand(count, 1, 1, 1, generator=generator) * 16
    dx, dy = torch.randint(-2, 3, (2,), generator=generator).tolist()
    edge = functional.pad(mixed * tint + noise, (2, 2, 2, 2), mode="replicate")
    return edge[:, :, 2 + dy : 66 + dy, 2 + dx : 66 + dx].clamp(0, 255)


def to_input(pictures: torch.Tensor) -> torch.Tensor:
    """RGB [n, 3, h, w] to the nets' BGR [n, h, w, 3]."""
    return pictures.flip(1).permute(0, 2, 3, 1)


def fit(is_judge: bool, pictures: torch.Tensor, answers: torch.Tensor, steps: int) -> Net:
    """Train one net on pictures [n, 3, 64, 64] with answers [n, rows] (tagger) or [n, heads] (judge)."""
    torch.manual_seed(SEED + is_judge)
    net = Net(sum(map(len, HEADS.values())) if is_judge else len(tag_rows()))
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=0.05)
    generator = generator_of(SEED, is_judge)
    for step in range(steps):
        chosen = torch.randint(len(pictures), (64,), generator=generator)
        scores = net(to_input(roughen(pictures[chosen], generator)))
        wanted = answers[chosen]
        loss = judge_loss(scores, wanted) if is_judge else functional.binary_cross_entropy_with_logits(scores, wanted)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.param_groups[0]["lr"] = falling_rate(step, steps, 3e-3, 0.3)
        optimizer.step()
        if (step + 1) % 250 == 0:
            print(f"{'judge' if is_judge else 'tagger'} {step + 1}/{steps} loss {loss.item():.4f}", flush=True)
    return net.eval()


@torch.no_grad()
def measure(net: Net, is_judge: bool, first: int = 10**7, count: int = 2000) -> dict[str, float]:
    """Share of right answers on unseen drawings: per tag at threshold 0.35, or per head."""
    specs, pictures = drawings(count, first)
    scores = net(to_input(pictures))
    if not is_judge:
        wanted = torch.tensor([tag_answers(spec) for spec in specs]) > 0.5
        right = ((scores.sigmoid() > 0.35) == wanted).float().mean(0)
        return {name: right[i].item() for i, (name, _) in enumerate(tag_rows())}
    numbers = torch.tensor([judge_answers(spec) for spec in specs])
    parts = scores.split([len(labels) for labels in HEADS.values()], dim=1)
    seen = [numbers[:, i] >= 0 for i in range(len(HEADS))]
    hits = [(part.argmax(1) == numbers[:, i])[seen[i]].float().mean().item() for i, part in enumerate(parts)]
    return dict(zip(HEADS, hits, strict=True))


def export(model: nn.Module, file: Path, outputs: list[str]) -> None:
    """Write ONNX with a free batch size."""
    file.parent.mkdir(parents=True, exist_ok=True)
    axes = {name: {0: "batch"} for name in ("input", *outputs)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            model.eval(), (torch.zeros(2, 64, 64, 3),), str(file), input_names=["input"], output_names=outputs,
            dynamic_axes=axes, opset_version=17, dynamo=False,
        )  # fmt: skip


def write_tag_list(file: Path, specs: list[Spec]) -> None:
    """`selected_tags.csv` as WD14 taggers have it; counts are those of the training drawings."""
    counts = [int(sum(column)) for column in zip(*(tag_answers(spec) for spec in specs), strict=True)]
    with file.open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream, lineterminator="\n")
        rows.writerow(("tag_id", "name", "category", "count"))
        rows.writerows((i, name, category, counts[i]) for i, (name, category) in enumerate(tag_rows()))


def main() -> None:
    """Train both, measure both, write both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=HERE / "models" / "tagger")
    parser.add_argument("--judge", type=Path, default=HERE.parent / "tests" / "data" / "judge.onnx")
    parser.add_argument("--drawings", type=int, default=16000)
    parser.add_argument("--steps", type=int, default=3000)
    arguments = parser.parse_args()
    specs, pictures = drawings(arguments.drawings, 0)
    tagger = fit(False, pictures, torch.tensor([tag_answers(spec) for spec in specs]), arguments.steps)
    worst = sorted(measure(tagger, False).items(), key=lambda pair: pair[1])[:6]
    print("tagger, worst tags:", ", ".join(f"{name} {share:.4f}" for name, share in worst))
    export(Tagger(tagger), arguments.out / "model.onnx", ["output"])
    write_tag_list(arguments.out / "selected_tags.csv", specs)
    judge = fit(True, pictures, torch.tensor([judge_answers(spec) for spec in specs]), arguments.steps)
    print("judge:", ", ".join(f"{head} {share:.4f}" for head, share in measure(judge, True).items()))
    export(Judge(judge), arguments.judge, list(HEADS))


if __name__ == "__main__":
    main()
