"""Stable Diffusion 1.x: CLIP text encoder, U-Net over latents, KL autoencoder; epsilon, or v if its config says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch

from lorabuild.core.errors import ProjectError, StageError
from lorabuild.models import kohya, weights
from lorabuild.models.device import padded, rows
from lorabuild.models.noise import diffusion
from lorabuild.models.sampling import Order, Plan, draw

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from torch import Tensor, nn

    from lorabuild.models.noise import Prediction
    from lorabuild.models.source import Located
    from lorabuild.schema.base import Base

LENGTH = 77  # tokens of a chunk, begin and end included
MODULES = ("unet", "vae", "text_encoder")


def load(located: Located, settings: Base, parts: Collection[str], device: torch.device, dtype: torch.dtype) -> Sd15:
    """Open the parts that are asked for, frozen; the VAE always in float32."""
    modules = {
        part: weights.open_part(located, part, torch.float32 if part == "vae" else dtype)
        for part in MODULES
        if part in parts
    }
    tokenizer = weights.open_tokenizer(located) if "tokenizer" in parts else None
    model = Sd15(located, settings.clip_skip, modules, tokenizer, dtype)
    model.to(device)
    return model


class Sd15:
    """A loaded Stable Diffusion 1.x; see ``family.Model`` for what each method promises."""

    latent_channels = 4

    def __init__(
        self, located: Located, clip_skip: int, modules: dict[str, nn.Module], tokenizer: Any, dtype: torch.dtype
    ) -> None:
        self._located, self._clip_skip, self._modules, self._tokenizer = located, clip_skip, modules, tokenizer
        self._scheduler = weights.scheduler_config(located)
        self._diffusion = diffusion(self._scheduler)
        self.device, self.dtype = torch.device("cpu"), dtype
        self.vae_factor = located.vae_factor
        self.prediction: Prediction = self._diffusion.prediction
        self.alphas_cumprod = self._diffusion.alphas_cumprod
        self.num_timesteps = len(self.alphas_cumprod)
        self.add_noise, self.target, self.snr = self._diffusion.add_noise, self._diffusion.target, self._diffusion.snr

    def to(self, device: torch.device, dtype: torch.dtype | None = None) -> None:
        """Move every loaded part; the VAE stays float32."""
        self.device, self.dtype = device, dtype or self.dtype
        for part, module in self._modules.items():
            module.to(device=device, dtype=torch.float32 if part == "vae" else self.dtype)

    def checkpoint_gradients(self, *, on: bool) -> None:
        """Recompute activations in the backward pass. CLIP does so in train mode only: nothing else changes."""
        if "unet" in self._modules:
            unet = cast("Any", self._modules["unet"])
            unet.enable_gradient_checkpointing() if on else unet.disable_gradient_checkpointing()
        if "text_encoder" in self._modules:
            encoder = cast("Any", self._modules["text_encoder"])
            if on:
                encoder.activation_checkpointing_enable({"use_reentrant": False})
            else:
                encoder.activation_checkpointing_disable()
            encoder.train(on)

    def layers(self, parts: Collection[str], *, convolutions: bool) -> dict[str, nn.Module]:
        """``lora_te_…`` and ``lora_unet_…`` → layer, as the standard trainer targets them."""
        found: dict[str, nn.Module] = {}
        if "text_encoder" in parts:
            found |= kohya.text_layers(self._part("text_encoder"))
        if "unet" in parts:
            found |= kohya.unet_layers(self._part("unet"), convolutions=convolutions)
        return found

    def tokenize(self, texts: Sequence[str]) -> Tensor:
        """Token ids int64 [B, 77]."""
        cut = self._words()(list(texts), padding="max_length", max_length=LENGTH, truncation=True, return_tensors="pt")
        return cast("Tensor", cut.input_ids)

    def token_counts(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, not cut."""
        whole = self._words()(list(texts), add_special_tokens=False, verbose=False).input_ids
        return [len(ids) for ids in whole]

    def encode_text(self, tokens: Tensor) -> Tensor:
        """Context [B, 75·chunks + 2, D] of token ids [B, 77·chunks]; inner begin and end tokens are left out."""
        encoder = cast("Any", self._part("text_encoder"))
        answer = encoder(input_ids=tokens.reshape(-1, LENGTH), output_hidden_states=self._clip_skip > 1)
        hidden = answer.last_hidden_state
        if self._clip_skip > 1:
            hidden = encoder.final_layer_norm(self._skipped(answer.hidden_states))
        chunks = hidden.view(len(tokens), -1, LENGTH, hidden.shape[-1])
        return torch.cat([chunks[:, 0, :1], chunks[:, :, 1:-1].flatten(1, 2), chunks[:, -1, -1:]], dim=1)

    def encode_images(self, images: Tensor, noise: Tensor) -> Tensor:
        """Scaled latents float32 [B, 4, h, w] of uint8 [B, H, W, 3]."""
        vae = cast("Any", self._part("vae"))
        pixels = images.to(self.device).permute(0, 3, 1, 2).float() / 127.5 - 1
        with torch.no_grad():
            spread = vae.encode(pixels).latent_dist
            return cast("Tensor", (spread.mean + spread.std * noise.to(self.device)) * vae.config.scaling_factor)

    def decode(self, latents: Tensor, batch: int = 8) -> Tensor:
        """Pictures uint8 [N, H, W, 3] on the CPU, in one fixed, padded batch shape."""
        pixels = latents.shape[-1] * latents.shape[-2] * self.vae_factor**2
        groups = padded(list(latents), rows(self.device, pixels, batch))
        return torch.cat([self._decode(torch.stack(group))[:wanted] for group, wanted in groups])

    def predict(self, noisy: Tensor, t: Tensor, context: Tensor) -> Tensor:
        """The U-Net's answer, float32 [B, 4, h, w]."""
        unet = cast("Any", self._part("unet"))
        answer = unet(noisy.to(self.dtype), t, encoder_hidden_states=context.to(self.dtype), return_dict=False)[0]
        return cast("Tensor", answer.float())

    def sample_latents(
        self,
        prompts: Sequence[str],
        *,
        negatives: Sequence[str],
        seeds: Sequence[int],
        steps: int,
        cfg: float,
        width: int,
        height: int,
        batch: int = 8,
    ) -> Tensor:
        """Scaled latents float32 [N, 4, h, w] on the CPU."""
        self._check_size(width, height)
        orders = [Order(*words) for words in zip(prompts, negatives, seeds, strict=True)]
        shape = (self.latent_channels, height // self.vae_factor, width // self.vae_factor)
        plan = Plan(steps, cfg, shape, rows(self.device, width * height, batch), self._scheduler)
        return draw(self, orders, plan)

    def sample(
        self,
        prompts: Sequence[str],
        *,
        negatives: Sequence[str],
        seeds: Sequence[int],
        steps: int,
        cfg: float,
        width: int,
        height: int,
        batch: int = 8,
    ) -> Tensor:
        """Pictures uint8 [N, height, width, 3] on the CPU."""
        latents = self.sample_latents(
            prompts, negatives=negatives, seeds=seeds, steps=steps, cfg=cfg, width=width, height=height, batch=batch
        )
        return self.decode(latents, batch)

    def _decode(self, latents: Tensor) -> Tensor:
        vae = cast("Any", self._part("vae"))
        with torch.no_grad():
            pixels = vae.decode(latents.to(self.device).float() / vae.config.scaling_factor).sample
        levels = ((pixels / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)
        return cast("Tensor", levels.permute(0, 2, 3, 1).contiguous().cpu())

    def _skipped(self, hidden: Sequence[Tensor]) -> Tensor:
        """The output of the layer that clip skip reads: 2 is the last but one; ``hidden`` starts with embeddings."""
        if self._clip_skip > len(hidden) - 1:
            raise ProjectError(
                f"clip_skip {self._clip_skip} is more than the text encoder's {len(hidden) - 1} layers",
                where="base.clip_skip",
            )
        return hidden[-self._clip_skip]

    def _check_size(self, width: int, height: int) -> None:
        step = self.vae_factor * self._located.unet_factor
        if width % step or height % step:
            raise ProjectError(
                f"pictures of {width}x{height} can't be drawn: sides must be multiples of {step}",
                next_step=f"write {max(step, round(width / step) * step)}x{max(step, round(height / step) * step)}",
            )

    def _part(self, name: str) -> nn.Module:
        if name not in self._modules:
            raise StageError(f"the {name} of the base model was not loaded")
        return self._modules[name]

    def _words(self) -> Any:
        if self._tokenizer is None:
            raise StageError("the tokenizer of the base model was not loaded")
        return self._tokenizer
