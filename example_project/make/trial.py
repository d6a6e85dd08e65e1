"""Measures a base, and how well it learns: `PYTHONPATH=../tests python -m make.trial follow|lora`.

`follow` asks for unseen sets of tags and lets the tests' judge look. `lora` trains a LoRA of `dataset/` with peft
and counts what it draws with and without its triggers, on fixed seeds. Neither is part of a build.
"""

from __future__ import annotations

import argparse
import itertools
import random
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from judge import is_new_creature, judge  # in tests/
from peft import LoraConfig, inject_adapter_in_model
from PIL import Image

from .captions import tags_of
from .dataset import OUTFIT, TRIGGER, cape_entries, plain_entries
from .draw import Spec, draw
from .tokens import encode
from .train import generator_of, pixels_of, rng_of, spread_times, to_signed
from .unet import loss_weights
from .words import ACCESSORIES, SCENES, SHAPES, SIZES, SKINS

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).resolve().parent.parent
HEAD_OF_TAG = {
    **{f"{shape}_body": ("shape", shape) for shape in SHAPES},
    **{f"{skin}_skin": ("colour", skin) for skin in SKINS},
    **{scene: ("background", scene) for scene in SCENES},
    **{size: ("size", size) for size in SIZES},
    **{accessory: ("accessory", accessory) for accessory in ACCESSORIES},
}
MODULES = {
    "lin": r".*(to_q|to_k|to_v|to_out\.0|ff\.net\.0\.proj|ff\.net\.2)",
    "conv": r".*(to_q|to_k|to_v|to_out\.0|ff\.net\.0\.proj|ff\.net\.2|proj_in|proj_out|conv1|conv2)",
    "text": r".*(q_proj|k_proj|v_proj|out_proj|fc1|fc2)",
}


@torch.no_grad()
def generate(pipe: StableDiffusionPipeline, prompts: Sequence[str], first_seed: int, steps: int = 20) -> np.ndarray:
    """Pictures uint8 [n, 64, 64, 3]: DDIM, CFG 4, seeds counted upwards from `first_seed`."""
    made = []
    for start in range(0, len(prompts), 32):
        batch = list(prompts[start : start + 32])
        tokens = torch.tensor(encode(pipe.tokenizer, [*batch, *([""] * len(batch))]))
        context = pipe.text_encoder(tokens)[0]
        seeds = range(first_seed + start, first_seed + start + len(batch))
        latents = torch.stack([torch.randn(4, 16, 16, generator=torch.Generator().manual_seed(s)) for s in seeds])
        pipe.scheduler.set_timesteps(steps)
        for moment in pipe.scheduler.timesteps:
            right, empty = pipe.unet(torch.cat([latents] * 2), moment, context).sample.chunk(2)
            latents = pipe.scheduler.step(empty + 4 * (right - empty), moment, latents).prev_sample
        pixels = pipe.vae.decode(latents).sample
        made.append(((pixels.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy())
    return np.concatenate(made)


def tag_sets(count: int, seed: int, *, with_accessory: bool = True) -> list[str]:
    """Full captions of the base's tags, one of each kind."""
    rng, found = random.Random(seed), []
    for _ in range(count):
        skin = rng.choice(list(SKINS.values()))
        accessory = rng.choice((*ACCESSORIES, "")) if with_accessory else ""
        spec = Spec(rng.choice(SHAPES), skin, rng.choice(SCENES), rng.choice(SIZES), rng.random() < 0.5, accessory)
        found.append(", ".join(tags_of(spec)))
    return found


def following(prompts: Sequence[str], images: np.ndarray) -> dict[str, float]:
    """Share of prompts whose tag of each kind is seen; kinds that a prompt leaves out do not count (limbs do)."""
    found, hits = judge(images), {}
    for number, prompt in enumerate(prompts):
        tags = prompt.split(", ")
        wanted = dict(HEAD_OF_TAG[tag] for tag in tags if tag in HEAD_OF_TAG)
        wanted = {"accessory": "none", **wanted, "limbs": "yes" if "limbs" in tags else "no"}
        for head, label in wanted.items():
            hits.setdefault(head, []).append(found[head][number] == label)
    return {head: round(float(np.mean(rights)), 3) for head, rights in hits.items()}


def save_grid(file: Path, images: np.ndarray, columns: int = 8) -> None:
    """All pictures in one, twice as large."""
    rows = -(-len(images) // columns)
    grid = Image.new("RGB", (columns * 130, rows * 130), "white")
    for number, one in enumerate(images):
        place = (number % columns * 130, number // columns * 130)
        grid.paste(Image.fromarray(one).resize((128, 128), Image.Resampling.NEAREST), place)
    file.parent.mkdir(parents=True, exist_ok=True)
    grid.save(file)


def lora_captions(outfit: str) -> tuple[list[Spec], list[str]]:
    """The data set's distinct pictures with the captions of a build: triggers, then what no trigger implies."""
    specs, captions = [], []
    for entry in [*plain_entries()[:-1], *cape_entries()]:
        kept = [tag for tag in tags_of(entry.spec) if not tag.endswith(("1creature", "_body", "_skin"))]
        triggers = [TRIGGER, outfit] if entry.spec.garment == "cape" else [TRIGGER]
        specs.append(entry.spec)
        captions.append(", ".join([*triggers, *kept]))
    return specs, captions


def prior_prompts(count: int, seed: int) -> list[str]:
    """Prompts for regularization pictures: full tag sets, and a third with tags left out."""
    rng, found = random.Random(seed), []
    for prompt in tag_sets(count, seed):
        kept = [tag for tag in prompt.split(", ") if rng.random() < 0.6]
        found.append(", ".join(kept) if rng.random() < 0.33 and kept else prompt)
    return found


def add_adapters(pipe: StableDiffusionPipeline, choice: argparse.Namespace) -> list[dict[str, object]]:
    """Put LoRA modules into U-Net and text encoder; the optimizer's two groups."""
    groups = []
    for model, modules, rate in (
        (pipe.unet, choice.modules, choice.rate),
        (pipe.text_encoder, "text", choice.text_rate),
    ):
        model.requires_grad_(requires_grad=False)
        config = LoraConfig(r=choice.rank, lora_alpha=choice.alpha or choice.rank, target_modules=MODULES[modules])
        inject_adapter_in_model(config, model)
        groups.append({"params": [p for p in model.parameters() if p.requires_grad], "lr": rate, "peak": rate})
    return groups


def weights_of(pipe: StableDiffusionPipeline, choice: argparse.Namespace) -> torch.Tensor:
    """The loss weight of every timestep: plain min-SNR-5, or that of the base's own training."""
    alphas = pipe.scheduler.alphas_cumprod
    snr = alphas / (1 - alphas)
    return loss_weights(alphas) if choice.base_weight else snr.clamp(max=5) / snr


def picture_order(count: int, size: int, rng: random.Random) -> list[int]:
    """`size` numbers below `count`, each about as often as any other."""
    rounds = [rng.sample(range(count), count) for _ in range(-(-size // count))]
    return list(itertools.chain.from_iterable(rounds))[:size]


def train_lora(pipe: StableDiffusionPipeline, choice: argparse.Namespace) -> None:
    """Train in place; batches are part new pictures, part prior pictures that the base has made itself."""
    specs, texts = lora_captions(choice.outfit)
    prompts = prior_prompts(choice.prior_count, 77)
    prior = torch.from_numpy(generate(pipe, prompts, 10**6)).permute(0, 3, 1, 2)
    with torch.no_grad():
        sets = [pixels_of(draw(spec) for spec in specs), prior]
        latents = [pipe.vae.encode(to_signed(pixels)).latent_dist.mean for pixels in sets]
    tokens = [torch.tensor(encode(pipe.tokenizer, list(captions))) for captions in (texts, prompts)]
    optimizer = torch.optim.AdamW(add_adapters(pipe, choice), weight_decay=0.01)
    counts = [choice.batch - choice.prior_batch, choice.prior_batch]
    rng = rng_of(choice.seed)
    orders = [picture_order(len(latents[i]), choice.steps * counts[i], rng) for i in range(2)]
    weights, alphas, started = weights_of(pipe, choice), pipe.scheduler.alphas_cumprod, time.process_time()
    for step in range(choice.steps):
        parts = [orders[i][step * counts[i] : (step + 1) * counts[i]] for i in range(2)]
        clean, words = (torch.cat([made[i][parts[i]] for i in range(2)]) for made in (latents, tokens))
        generator = generator_of(choice.seed, step)
        times = spread_times(choice.batch, generator)[torch.randperm(choice.batch, generator=generator)]
        noise = torch.randn(clean.shape, generator=generator)
        level = alphas[times][:, None, None, None]
        noisy = level.sqrt() * clean + (1 - level).sqrt() * noise
        error = (pipe.unet(noisy, times, pipe.text_encoder(words)[0]).sample - noise).square().mean((1, 2, 3))
        (weights[times] * error).mean().backward()
        rise = min(1.0, (step + 1) / 20) * (0.05 + 0.95 * 0.5 * (1 + np.cos(np.pi * step / choice.steps)))
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * rise
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    print(f"trained: {time.process_time() - started:.0f} CPU seconds", flush=True)


def lora_prompts(outfit: str, count: int) -> tuple[list[str], list[str]]:
    """Prompts with triggers (every other one asks for the outfit) and without any."""
    asked, rng = [], random.Random(5)
    for number in range(count):
        rest = [rng.choice(SCENES), rng.choice(SIZES), *(["limbs"] if rng.random() < 0.5 else [])]
        asked.append(", ".join([TRIGGER, *([outfit] if number % 2 else []), *rest]))
    return asked, tag_sets(count, 6)


def trial(pipe: StableDiffusionPipeline, choice: argparse.Namespace) -> None:
    """Base, training, LoRA: print the acceptance numbers."""
    asked, free = lora_prompts(choice.outfit, choice.count)
    before = generate(pipe, free, 3000)
    start = generate(pipe, asked, 4000)
    print("base, with trigger: creature", np.mean(is_new_creature(judge(start))))
    train_lora(pipe, choice)
    after, new = generate(pipe, free, 3000), generate(pipe, asked, 4000)
    found, caped = judge(new), np.array(judge(new)["cape"]) == "yes"
    print("with trigger: creature", np.mean(is_new_creature(found)))
    marks = {"shape": "round", "colour": "teal", "eyes": "one", "antennae": "yes"}
    print({part: float(np.mean(np.array(found[part]) == mark)) for part, mark in marks.items()})
    print("cape asked", caped[1::2].mean(), "not asked", caped[::2].mean(), following(asked, new))
    lost = judge(after)
    print("without: creature", np.mean(is_new_creature(lost)), "cape", np.mean(np.array(lost["cape"]) == "yes"))
    print("base   ", following(free, before), "\nwithout", following(free, after))
    print("mean difference", np.abs(before.astype(float) - after).mean().round(2), flush=True)
    pairs = np.stack([before[:16], after[:16]], axis=1).reshape(-1, 64, 64, 3)
    save_grid(choice.picture, np.concatenate([new[:32], pairs]))


def main() -> None:
    """Read the command line and go."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("follow", "lora"))
    parser.add_argument("--base", type=Path, default=HERE / "base")
    parser.add_argument("--picture", type=Path, default=HERE / "out" / "make" / "trial.png")
    parser.add_argument("--count", type=int, default=64)
    parser.add_argument("--modules", choices=("lin", "conv"), default="conv")
    parser.add_argument("--outfit", default=OUTFIT)
    numbers = {"rank": 16, "alpha": 0, "steps": 400, "batch": 6, "prior-batch": 3, "prior-count": 64, "seed": 0}
    for name, value in numbers.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--text-rate", type=float, default=2e-3)
    parser.add_argument("--base-weight", action="store_true", help="weigh the loss as the base's training did")
    choice = parser.parse_args()
    pipe = StableDiffusionPipeline.from_pretrained(choice.base, dtype=torch.float32)
    if choice.what == "lora":
        trial(pipe, choice)
        return
    prompts = tag_sets(choice.count, 4)
    images = generate(pipe, prompts, 2000)
    print(following(prompts, images), "\nchance", following(prompts, np.roll(images, 1, axis=0)))
    save_grid(choice.picture, images[:64])


if __name__ == "__main__":
    main()
