"""What every model family can do: load, encode, predict, sample, and name the layers that adapters sit on.

A family is one file ``models/<family>.py`` with ``load(located, settings, parts, device, dtype) -> Model``. Nothing
here supposes a U-Net or an epsilon target: a flow-matching transformer gives its own ``add_noise``, ``target`` and
``snr``. Training and sampling see this protocol and nothing else.

Shapes: B batch, C latent channels, H W pixels, h w latent sides (pixels / vae_factor), E text encoders, N chunks of 77
tokens, D text width, P pooled width.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

from lorabuild.core.words import hand
from lorabuild.models import source

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import torch
    from torch import Tensor, nn

    from lorabuild.models.noise import Prediction
    from lorabuild.models.source import Located
    from lorabuild.schema.base import Base

TEXT = ("text_encoder", "text_encoder_2")
TRAINED = {"both": ("unet", *TEXT), "unet": ("unet",), "text_encoder": TEXT}
"""Word of ``training.train`` → the parts that get adapters, as far as the family has them."""
PARTS = frozenset(part for parts in source.PARTS.values() for part in parts)


class Model(Protocol):
    """A loaded base model: frozen, in eval mode, on one device.

    Using a part that was not asked for raises ``StageError``.
    """

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        ...

    @property
    def dtype(self) -> torch.dtype:
        """What the frozen weights compute in; the VAE and all results stay float32."""
        ...

    @property
    def vae_factor(self) -> int:
        """Pixels a latent side: 8 in SD1.5."""
        ...

    @property
    def latent_channels(self) -> int:
        """C: 4 in SD1.5."""
        ...

    @property
    def num_timesteps(self) -> int:
        """Number of training timesteps; t is an integer in [0, num_timesteps)."""
        ...

    @property
    def alphas_cumprod(self) -> Tensor:
        """Share of signal ᾱ that noised latents have at every timestep, float32 [num_timesteps] on the CPU."""
        ...

    @property
    def prediction(self) -> Prediction:
        """What ``target`` is, for the weightings that ask: ``epsilon`` or ``v_prediction``."""
        ...

    def to(self, device: torch.device, dtype: torch.dtype | None = None) -> None:
        """Move every loaded part; ``dtype`` leaves the VAE in float32."""
        ...

    def checkpoint_gradients(self, *, on: bool) -> None:
        """Recompute activations in the backward pass: less memory, more time, the same mathematics."""
        ...

    def repeated(self) -> Sequence[nn.Module]:
        """The blocks that make up most of ``predict``, none inside another: what is worth compiling on its own."""
        ...

    def layers(self, parts: Collection[str], *, convolutions: bool) -> dict[str, nn.Module]:
        """Kohya layer name → module that an adapter may sit on, in a fixed order.

        ``parts`` is some of ``unet``, ``text_encoder`` and, where the family has it, ``text_encoder_2``;
        ``convolutions`` adds the residual and resampling blocks.
        """
        ...

    def tokenize(self, texts: Sequence[str]) -> Tensor:
        """Token ids, int64 [B, E, N·77]: as many chunks as the longest text needs, at most max_token_length / 75."""
        ...

    def token_counts(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text without begin, end and padding, not cut: above max_token_length the rest is lost."""
        ...

    def encode_text(self, tokens: Tensor) -> dict[str, Tensor]:
        """``hidden`` [B, 75·N + 2, D], and what else the family reads of its texts (SDXL: ``pooled`` [B, P]).

        Of token ids [B, E, N·77]; gradients reach adapters on the text encoders.
        """
        ...

    def encode_images(self, images: Tensor, noise: Tensor) -> Tensor:
        """Scaled latents float32 [B, C, h, w] of uint8 [B, H, W, 3]: (mean + std · noise) · scaling factor."""
        ...

    def decode(self, latents: Tensor, batch: int = 8) -> Tensor:
        """Pictures uint8 [N, H, W, 3] on the CPU, of scaled latents [N, C, h, w], ``batch`` at once on a GPU."""
        ...

    def add_noise(self, clean: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """Latents [B, C, h, w] at timestep t [B]."""
        ...

    def target(self, clean: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """What ``predict`` should answer, [B, C, h, w]."""
        ...

    def step(self, noisy: Tensor, answer: Tensor, t: Tensor, to: Tensor) -> Tensor:
        """Latents [B, C, h, w] at the earlier timestep ``to`` [B], drawn on from ``t`` [B] by what ``predict`` said."""
        ...

    def snr(self, t: Tensor) -> Tensor:
        """Signal-to-noise ratio for weightings, float32 [B], of timesteps t [B]: before any rescaling to zero."""
        ...

    def predict(self, noisy: Tensor, t: Tensor, condition: Mapping[str, Tensor]) -> Tensor:
        """The model's answer, float32 [B, C, h, w], for latents [B, C, h, w] at timesteps t [B].

        ``condition`` is what ``encode_text`` gave, and ``sizes`` float32 [B, 6]: height and width of the original, top
        and left of the crop, height and width of the target, in pixels.
        """
        ...

    def features(self, noisy: Tensor, t: Tensor, condition: Mapping[str, Tensor]) -> Tensor:
        """What ``predict`` sees in latents, float32 [B, F], to compare pictures by; F differs between models."""
        ...

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
        """Scaled latents float32 [N, C, h, w] on the CPU; each depends on its own prompt, negative and seed alone.

        ``sampler`` is a name of ``sampling.SAMPLERS``; empty for the base's own.
        """
        ...

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
        """Pictures uint8 [N, height, width, 3] on the CPU; ``batch`` at once on a GPU (a CPU fixes its own number)."""
        ...


class Family(Protocol):
    """What ``models/<family>.py`` is: a module with this function."""

    def load(
        self, located: Located, settings: Base, parts: Collection[str], device: torch.device, dtype: torch.dtype
    ) -> Model:
        """Load the parts that are asked for."""
        ...


def load(located: Located, settings: Base, parts: Collection[str], device: torch.device, dtype: torch.dtype) -> Model:
    """Load ``parts`` (some of ``PARTS``) of a located model, frozen, by the file that has its family's name.

    Parts that the family doesn't have are passed over.
    """
    unknown = sorted(set(parts) - PARTS)
    assert not unknown, f"unknown parts {unknown}"
    return cast("Family", hand("models", located.family)).load(located, settings, parts, device, dtype)
