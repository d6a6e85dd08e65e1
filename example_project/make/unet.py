"""Trains the example's U-Net and text encoder together, from nothing, on drawings made as it goes."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

from .captions import Sample, base_sample, caption
from .draw import draw
from .tokens import LENGTH, encode
from .train import (
    Average,
    Place,
    Pool,
    Run,
    adamw,
    falling_rate,
    generator_of,
    pixels_of,
    rng_of,
    spread_times,
    to_signed,
)

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import CLIPTokenizer

SEED = 12
WIDTH = 96
"""Width of the text encoder, and so of the cross attention."""


def new_unet() -> UNet2DConditionModel:
    """Stable Diffusion 1.5's layout, 12 + 1 + 12 blocks, very thin. What starts a residual branch's end starts at 0."""
    unet = UNet2DConditionModel(
        sample_size=16,
        in_channels=4,
        out_channels=4,
        down_block_types=(*("CrossAttnDownBlock2D",) * 3, "DownBlock2D"),
        up_block_types=("UpBlock2D", *("CrossAttnUpBlock2D",) * 3),
        block_out_channels=(32, 48, 64, 64),
        layers_per_block=2,
        cross_attention_dim=WIDTH,
        attention_head_dim=2,
        norm_num_groups=4,
    )
    for name, module in unet.named_modules():
        if name.endswith((".conv2", ".proj_out")) or name == "conv_out":
            torch.nn.init.zeros_(module.weight)
            torch.nn.init.zeros_(module.bias)
    return unet


def new_text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """Two layers. Words start louder than places, so that what is said counts before where it is said."""
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=4 * WIDTH,
        projection_dim=WIDTH,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=LENGTH,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    text = CLIPTextModel(config)
    for name, parameter in text.named_parameters():
        if name.endswith("token_embedding.weight"):
            torch.nn.init.normal_(parameter, std=0.1)
        elif name.endswith("position_embedding.weight"):
            torch.nn.init.normal_(parameter, std=0.005)
    return text


def new_scheduler() -> DDIMScheduler:
    """Stable Diffusion's noise schedule, sampled from the last step downwards ("trailing")."""
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        timestep_spacing="trailing",
    )


def loss_weights(alphas_cumprod: torch.Tensor) -> torch.Tensor:
    """Weight of each timestep's epsilon error [1000]: min-SNR-5 times min(1/alpha, 25).

    Plain min-SNR leaves almost nothing for the noisiest steps, where background and body colour are decided.
    """
    snr = alphas_cumprod / (1 - alphas_cumprod)
    return snr.clamp(max=5) / snr * (1 / alphas_cumprod).clamp(max=25)


@torch.no_grad()
def _latents(vae: AutoencoderKL, place: Place, numbers: list[int]) -> tuple[torch.Tensor, list[Sample]]:
    """Drawings of the base's world as latents [n, 4, 16, 16], with what they show."""
    samples = [base_sample(rng_of(SEED, number * place.world + place.rank)) for number in numbers]
    pixels = to_signed(pixels_of(draw(sample.spec) for sample in samples)).to(place.device)
    return vae.encode(pixels).latent_dist.mean, samples


class Pair(torch.nn.Module):
    """U-Net and text encoder as one thing to train and to checkpoint."""

    def __init__(self, unet: UNet2DConditionModel, text: CLIPTextModel) -> None:
        super().__init__()
        self.unet, self.text = unet, text

    def forward(self, noisy: torch.Tensor, times: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """The noise that the pair sees in `noisy` [n, 4, 16, 16] at `times` [n] under `tokens` [n, 77]."""
        made: torch.Tensor = self.unet(noisy, times, encoder_hidden_states=self.text(tokens)[0]).sample
        return made


def train_unet(
    work: Path, place: Place, vae: AutoencoderKL, tokenizer: CLIPTokenizer, steps: int, batch: int, rate: float
) -> Pair:
    """Train for `steps`, resuming from `work/unet.pt`; returns the averaged pair in fp32."""
    torch.manual_seed(SEED)
    pair = Pair(new_unet(), new_text_encoder(tokenizer)).to(place.device)
    parameters = list(pair.parameters())
    run = Run(pair, Average(parameters, 0.999), adamw(parameters), work / "unet.pt", steps)
    run.resume()
    alphas = new_scheduler().alphas_cumprod
    weights = loss_weights(alphas)
    pool = Pool(functools.partial(_latents, vae.eval(), place), 8192, batch / 8)
    losses: list[float] = []
    while run.step < steps:
        step = run.step
        pool.slide_to(step)
        rng, generator = rng_of(SEED, step, place.rank), generator_of(SEED, step, place.rank)
        clean, samples = pool.take(batch, rng)
        tokens = torch.tensor(encode(tokenizer, [caption(sample, rng) for sample in samples]), device=place.device)
        times, noise = spread_times(batch, generator), torch.randn(clean.shape, generator=generator)
        loss = _step_loss(pair, clean, noise.to(place.device), times, tokens, alphas, weights)
        run.take_step(loss, place, falling_rate(step, steps, rate, 0.45))
        losses.append(loss.item())
        run.note(place, losses, 250)
    run.average.copy_to_model()
    return pair.eval()


def _step_loss(
    pair: Pair, clean: torch.Tensor, noise: torch.Tensor, times: torch.Tensor, tokens: torch.Tensor, *tables: Any
) -> torch.Tensor:
    alphas, weights = (table[times].to(clean.device)[:, None, None, None] for table in tables)
    noisy = alphas.sqrt() * clean + (1 - alphas).sqrt() * noise
    error = (pair(noisy, times.to(clean.device), tokens) - noise).square()
    return (weights * error).mean()
