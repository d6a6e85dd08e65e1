"""What keys read of the base model: digests of the parts that its family has, and the words that say how they are used.

A part's digest has its folder's name (``base.unet``), whichever family it is of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lorabuild.graph.view import View

VAE = "vae"


def encoder_words(view: View) -> dict[str, Any]:
    """How a text becomes hidden states."""
    base = view.project.base
    return {"base.clip_skip": base.clip_skip, "base.max_token_length": base.max_token_length}


def for_texts(view: View, *, frozen: bool) -> dict[str, Any]:
    """The tokenizers; where hidden states are made as well, the text encoders."""
    kinds = ("tokenizer", "text_encoder") if frozen else ("tokenizer",)
    words = encoder_words(view)
    if not frozen:
        del words["base.clip_skip"]
    return {**_parts(view, *kinds), **words}


def for_training(view: View) -> dict[str, Any]:
    """All but the VAE: what becomes of the pictures comes from the latents' keys."""
    return {**_parts(view, "unet", "text_encoder", "tokenizer", "scheduler"), **encoder_words(view), **_noise(view)}


def for_drawing(view: View) -> dict[str, Any]:
    """The whole model."""
    return {**for_training(view), **_parts(view, VAE)}


def _parts(view: View, *kinds: str) -> dict[str, str]:
    """``text_encoder`` is every text encoder."""
    return {f"base.{part}": found for part, found in view.inventory.models.items() if part.startswith(kinds)}


def _noise(view: View) -> dict[str, Any]:
    base = view.inventory.base
    return {"base.prediction": base.prediction_type, "base.zero_terminal_snr": base.zero_terminal_snr}
