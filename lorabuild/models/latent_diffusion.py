"""What Stable Diffusion 1, 2 and XL share: CLIP text encoders, a U-Net over latents, a KL autoencoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

import torch

from lorabuild.core.errors import ProjectError, StageError
from lorabuild.models import clip, kohya, sampling, weights
from lorabuild.models.device import layout, padded, rows
from lorabuild.models.noise import diffusion
from lorabuild.models.sampling import Order, Plan, draw

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from torch import Tensor, nn

    from lorabuild.models.noise import Prediction
    from lorabuild.models.source import Located
    from lorabuild.schema.base import Base


REPEATED = ("BasicTransformerBlock", "ResnetBlock2D")
"""Classes of a U-Net's blocks."""


class LatentDiffusion:
    """A loaded Stable Diffusion; see ``family.Model`` for what each method promises.

    Attributes:
        PARTS: what holds weights.
        ENCODERS: text encoder → its tokenizer and the prefix of its layers' names.
        latent_channels: C.
    """

    PARTS: ClassVar[dict[str, weights.Part]] = {"unet": weights.UNET, "vae": weights.VAE}
    ENCODERS: ClassVar[Mapping[str, tuple[str, str]]] = {"text_encoder": ("tokenizer", "lora_te")}
    latent_channels = 4

    def __init__(
        self, located: Located, settings: Base, parts: Collection[str], device: torch.device, dtype: torch.dtype
    ) -> None:
        """Open the parts that are asked for, frozen; the VAE always in float32."""
        self._located, self._settings = located, settings
        wanted = {
            name: (part, torch.float32 if name == "vae" else dtype)
            for name, part in self.PARTS.items()
            if name in parts
        }
        self._modules = weights.open_parts(located, wanted)
        tokenizers = (name for name, _ in self.ENCODERS.values() if name in parts)
        self._tokenizers = {name: weights.open_tokenizer(located, name) for name in tokenizers}
        self._scheduler = weights.scheduler_config(located)
        self._diffusion = diffusion(self._scheduler)
        self.vae_factor = located.vae_factor
        self.prediction: Prediction = self._diffusion.prediction
        self.alphas_cumprod = self._diffusion.alphas_cumprod
        self.num_timesteps = len(self.alphas_cumprod)
        self.add_noise, self.target, self.snr = self._diffusion.add_noise, self._diffusion.target, self._diffusion.snr
        self.step = self._diffusion.step
        self.device, self.dtype = device, dtype
        self.to(device)

    def to(self, device: torch.device, dtype: torch.dtype | None = None) -> None:
        """Move every loaded part; the VAE stays float32."""
        self.device, self.dtype = device, dtype or self.dtype
        for part, module in self._modules.items():
            kind = torch.float32 if part == "vae" else self.dtype
            cast("Any", module).to(device=device, dtype=kind, memory_format=layout(device))

    def checkpoint_gradients(self, *, on: bool) -> None:
        """Recompute activations in the backward pass. CLIP does so in train mode only: nothing else changes."""
        if "unet" in self._modules:
            unet = cast("Any", self._modules["unet"])
            unet.enable_gradient_checkpointing() if on else unet.disable_gradient_checkpointing()
        for encoder in (cast("Any", self._modules[part]) for part in self.ENCODERS if part in self._modules):
            if on:
                encoder.activation_checkpointing_enable({"use_reentrant": False})
            else:
                encoder.activation_checkpointing_disable()
            encoder.train(on)

    def repeated(self) -> list[nn.Module]:
        """The U-Net's transformer and residual blocks."""
        return [block for block in self._part("unet").modules() if type(block).__name__ in REPEATED]

    def layers(self, parts: Collection[str], *, convolutions: bool) -> dict[str, nn.Module]:
        """``lora_te…`` and ``lora_unet_…`` → layer, as the standard trainer targets them."""
        found: dict[str, nn.Module] = {}
        for part, (_, prefix) in self.ENCODERS.items():
            if part in parts:
                found |= kohya.text_layers(self._part(part), prefix)
        if "unet" in parts:
            found |= self.unet_layers(self._part("unet"), convolutions=convolutions)
        return found

    @staticmethod
    def unet_layers(unet: nn.Module, *, convolutions: bool) -> dict[str, nn.Module]:
        """``lora_unet_…`` → layer, in diffusers' spelling."""
        return kohya.unet_layers(unet, convolutions=convolutions)

    def tokenize(self, texts: Sequence[str]) -> Tensor:
        """Token ids int64 [B, E, N·77]."""
        held = [(words := self._words(name), clip.ids(words, texts)) for name, _ in self.ENCODERS.values()]
        number = max(clip.chunks(found, self._settings.max_token_length // clip.WORDS) for _, found in held)
        return torch.stack([clip.tokens(words, found, number) for words, found in held], dim=1)

    def token_counts(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, not cut: the most that any of the tokenizers makes."""
        counts = [[len(row) for row in clip.ids(self._words(name), texts)] for name, _ in self.ENCODERS.values()]
        return [max(found) for found in zip(*counts, strict=True)]

    def encode_text(self, tokens: Tensor) -> dict[str, Tensor]:
        """``hidden`` [B, 75·N + 2, D] of token ids [B, 1, N·77]: the layer that clip skip reads, normed."""
        encoder = cast("Any", self._part("text_encoder"))
        hidden, _ = clip.read(encoder, tokens[:, 0], self._settings.clip_skip)
        return {"hidden": clip.joined(encoder.final_layer_norm(hidden), len(tokens))}

    def predict(self, noisy: Tensor, t: Tensor, condition: Mapping[str, Tensor]) -> Tensor:
        """The U-Net's answer, float32 [B, 4, h, w]."""
        unet = cast("Any", self._part("unet"))
        words = {"encoder_hidden_states": condition["hidden"].to(self.dtype), **self._added(condition)}
        return cast("Tensor", unet(noisy.to(self.dtype), t, **words, return_dict=False)[0].float().contiguous())

    def features(self, noisy: Tensor, t: Tensor, condition: Mapping[str, Tensor]) -> Tensor:
        """Behind the U-Net's first block on the way up (Tang et al. 2023), its mean over space, float32 [B, F]."""
        unet, seen = cast("Any", self._part("unet")), []
        hook = unet.up_blocks[0].register_forward_hook(lambda _block, _given, made: seen.append(made))
        try:
            self.predict(noisy, t, condition)
        finally:
            hook.remove()
        return cast("Tensor", seen[0].float().mean(dim=(2, 3)))

    def _added(self, condition: Mapping[str, Tensor]) -> dict[str, Any]:  # noqa: ARG002 - SDXL's reads it
        """What the U-Net is told beside the hidden states."""
        return {}

    def encode_images(self, images: Tensor, noise: Tensor) -> Tensor:
        """Scaled latents float32 [B, 4, h, w] of uint8 [B, H, W, 3]."""
        vae = cast("Any", self._part("vae"))
        pixels = images.to(self.device).permute(0, 3, 1, 2).float() / 127.5 - 1
        with torch.no_grad():
            spread = vae.encode(pixels).latent_dist
            latents: Tensor = (spread.mean + spread.std * noise.to(self.device)) * vae.config.scaling_factor
            return latents.contiguous()

    def decode(self, latents: Tensor, batch: int = 8) -> Tensor:
        """Pictures uint8 [N, H, W, 3] on the CPU, in one fixed, padded batch shape."""
        pixels = latents.shape[-1] * latents.shape[-2] * self.vae_factor**2
        groups = padded(list(latents), rows(self.device, pixels, batch))
        return torch.cat([self._decode(torch.stack(group))[:wanted] for group, wanted in groups])

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
        sampler: str = "",
    ) -> Tensor:
        """Scaled latents float32 [N, 4, h, w] on the CPU."""
        self._check_size(width, height)
        orders = [Order(*words) for words in zip(prompts, negatives, seeds, strict=True)]
        count = rows(self.device, width * height, batch)
        return draw(self, orders, Plan(steps, cfg, width, height, count, sampling.sampler(self._scheduler, sampler)))

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
        sampler: str = "",
    ) -> Tensor:
        """Pictures uint8 [N, height, width, 3] on the CPU."""
        words = {"steps": steps, "cfg": cfg, "width": width, "height": height, "batch": batch, "sampler": sampler}
        latents = self.sample_latents(prompts, negatives=negatives, seeds=seeds, **cast("Any", words))
        return self.decode(latents, batch)

    def _decode(self, latents: Tensor) -> Tensor:
        vae = cast("Any", self._part("vae"))
        with torch.no_grad():
            pixels = vae.decode(latents.to(self.device).float() / vae.config.scaling_factor).sample
        levels = ((pixels / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)
        return cast("Tensor", levels.permute(0, 2, 3, 1).contiguous().cpu())

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

    def _words(self, name: str) -> Any:
        if name not in self._tokenizers:
            raise StageError(f"the {name} of the base model was not loaded")
        return self._tokenizers[name]
