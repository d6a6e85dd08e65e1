"""Trains the example's VAE: 64x64 pictures to 16x16x4 latents of zero mean and unit deviation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from diffusers import AutoencoderKL
from torch.nn import functional

from .captions import vae_spec
from .draw import draw
from .train import CHUNK, Average, Place, Pool, Run, adamw, falling_rate, generator_of, pixels_of, rng_of, to_signed

if TYPE_CHECKING:
    from pathlib import Path

SEED = 11
CROP = 32
"""Side of the crops of the first 60 % of the training; whole pictures after that."""


def new_vae() -> AutoencoderKL:
    """Factor 4, 0.43 M parameters. Eight or more channels a group: fewer would normalise flat colours away."""
    return AutoencoderKL(
        in_channels=3,
        out_channels=3,
        latent_channels=4,
        block_out_channels=(16, 32, 48),
        layers_per_block=1,
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        norm_num_groups=2,
        sample_size=64,
        scaling_factor=1.0,
    )


def _pictures(numbers: list[int]) -> tuple[torch.Tensor, list[None]]:
    return pixels_of(draw(vae_spec(rng_of(SEED, number))) for number in numbers), [None] * len(numbers)


def reconstruction_loss(made: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """L1 + 2 MSE + half the L1 of the slopes, which keeps the ink lines sharp. Tensors [n, 3, h, w] in -1..1."""
    across = functional.l1_loss(made.diff(dim=3), wanted.diff(dim=3))
    down = functional.l1_loss(made.diff(dim=2), wanted.diff(dim=2))
    return functional.l1_loss(made, wanted) + 2 * functional.mse_loss(made, wanted) + 0.5 * (across + down)


def _crops(pixels: torch.Tensor, step: int, place: Place) -> torch.Tensor:
    """One random window per picture, more often near the middle: [n, 3, 32, 32]."""
    rng = rng_of(SEED, step, place.rank, 1)
    starts = [(rng.randint(0, CROP) + rng.randint(0, CROP)) // 2 for _ in range(2 * len(pixels))]
    windows = zip(pixels, starts[::2], starts[1::2], strict=True)
    return torch.stack([one[:, y : y + CROP, x : x + CROP] for one, y, x in windows])


def train_vae(work: Path, place: Place, steps: int, batch: int) -> AutoencoderKL:
    """Train for `steps`, resuming from `work/vae.pt`; returns the averaged, folded VAE in fp32."""
    torch.manual_seed(SEED)
    vae = new_vae().to(place.device)
    parameters = list(vae.parameters())
    run = Run(vae, Average(parameters, 0.998), adamw(parameters, 0.999), work / "vae.pt", steps)
    run.resume()
    pool, losses = Pool(_pictures, 4096, 4), []
    while run.step < steps:
        step = run.step
        pool.slide_to(step)
        whole = step >= 0.6 * steps
        pixels, _ = pool.take(max(1, batch * 5 // 12) if whole else batch, rng_of(SEED, step, place.rank))
        wanted = to_signed(pixels if whole else _crops(pixels, step, place)).to(place.device)
        posterior = vae.encode(wanted).latent_dist
        noise = torch.randn(posterior.mean.shape, generator=generator_of(SEED, step, place.rank)).to(place.device)
        made = vae.decode(posterior.mean + posterior.std * noise).sample
        loss = reconstruction_loss(made, wanted) + 1e-5 * posterior.kl().mean()
        run.take_step(loss, place, falling_rate(step, steps, 1.5e-3, 0.5))
        losses.append(loss.item())
        run.note(place, losses, 500)
    run.average.copy_to_model()
    fold_statistics(vae.eval(), place)
    return vae


@torch.no_grad()
def fold_statistics(vae: AutoencoderKL, place: Place) -> None:
    """Move the latents' mean and deviation into the two 1x1 convolutions, so that the scaling factor is 1."""
    chunks = [_pictures(list(range(10**6 + i * CHUNK, 10**6 + (i + 1) * CHUNK)))[0] for i in range(32)]
    means = [vae.encode(to_signed(chunk).to(place.device)).latent_dist.mean for chunk in chunks]
    latents = torch.cat(means).transpose(0, 1).flatten(1)
    mean, deviation = latents.mean(1), latents.std(1)
    into, out = vae.quant_conv, vae.post_quant_conv
    into.weight[:4] /= deviation[:, None, None, None]
    into.bias[:4] = (into.bias[:4] - mean) / deviation
    into.bias[4:] -= 2 * deviation.log()
    out.bias += out.weight[:, :, 0, 0] @ mean
    out.weight *= deviation[None, :, None, None]


@torch.no_grad()
def psnr(vae: AutoencoderKL, place: Place, count: int = 256) -> float:
    """Peak signal-to-noise ratio in dB over `count` unseen drawings (fp32, posterior mean)."""
    errors = []
    for start in range(2 * 10**6, 2 * 10**6 + count, CHUNK):
        wanted = to_signed(_pictures(list(range(start, start + CHUNK)))[0]).to(place.device)
        made = vae.decode(vae.encode(wanted).latent_dist.mean).sample.clamp(-1, 1)
        errors.append(functional.mse_loss(made, wanted).item() / 4)
    return float(-10 * torch.tensor(errors).mean().log10())
