"""Pictures as rows of numbers to compare them by: what the base's own U-Net sees in them, or CLIP's image tower."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import torch

from lorabuild.core.errors import ProjectError
from lorabuild.models.device import padded, rows

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from lorabuild.models.family import Model

PLACE = 0.25
"""Of the training timesteps: little enough noise that a picture's content is still seen (Tang et al. 2023)."""
MEAN, DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""Of the pixels that CLIP was trained on (Radford et al. 2021)."""


class Eye(Protocol):
    """What sees pictures."""

    def see(self, images: Tensor) -> Tensor:
        """A row each, float32 [N, F] on the CPU, of pictures uint8 [N, H, W, 3]; each by itself."""
        ...


class BaseEye:
    """The base model's VAE encoder and U-Net, told of no words, with one fixed noise."""

    def __init__(self, model: Model, batch: int = 8) -> None:
        self._model, self._batch = model, batch

    def see(self, images: Tensor) -> Tensor:
        """What the U-Net sees in each."""
        model, (_, height, width, _) = self._model, images.shape
        count = rows(model.device, height * width, self._batch)
        sides = (height // model.vae_factor, width // model.vae_factor)
        noise = torch.randn(1, model.latent_channels, *sides, generator=torch.Generator().manual_seed(0))
        noise = noise.expand(count, -1, -1, -1).to(model.device)
        t = torch.full((count,), int(PLACE * model.num_timesteps), device=model.device)
        sizes = torch.tensor([[height, width, 0, 0, height, width]] * count, dtype=torch.float32, device=model.device)
        found = []
        with torch.no_grad():
            condition = {**model.encode_text(model.tokenize([""] * count).to(model.device)), "sizes": sizes}
            for group, wanted in padded(list(images), count):
                clean = model.encode_images(torch.stack(group), torch.zeros_like(noise))
                found.append(model.features(model.add_noise(clean, noise, t), t, condition)[:wanted].float().cpu())
        return torch.cat(found)


class ClipEye:
    """CLIP's image tower with its projection, from a folder on this machine. Raises ``ProjectError``."""

    def __init__(self, folder: Path, device: torch.device, batch: int = 8) -> None:
        import transformers

        try:
            tower = transformers.CLIPVisionModelWithProjection.from_pretrained(
                str(folder), local_files_only=True, use_safetensors=True
            )
        except Exception as error:  # whatever the library raises at a damaged file
            what = f"the judge can't be opened: {str(error).strip().partition(chr(10))[0]}"
            hint = "give the folder of a CLIP model, with config.json and model.safetensors"
            raise ProjectError(what, where="judge.model", next_step=hint) from error
        self._tower: Any = tower.eval().to(device=device, dtype=torch.float32)
        self._device, self._batch = device, batch

    def see(self, images: Tensor) -> Tensor:
        """Its embeddings, of length 1."""
        side = int(self._tower.config.image_size)
        count, found = rows(self._device, side * side, self._batch), []
        for group, wanted in padded(list(images), count):
            pixels = torch.stack(group).to(self._device).permute(0, 3, 1, 2).float() / 255
            pixels = torch.nn.functional.interpolate(pixels, (side, side), mode="bicubic", antialias=True)
            mean, deviation = (torch.tensor(one, device=self._device).view(1, 3, 1, 1) for one in (MEAN, DEVIATION))
            with torch.no_grad():
                seen = self._tower(pixel_values=(pixels - mean) / deviation).image_embeds
            found.append(torch.nn.functional.normalize(seen, dim=1)[:wanted].cpu())
        return torch.cat(found)
