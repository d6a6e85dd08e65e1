"""A Stable Diffusion 1.5 in miniature, with random weights and a byte-level vocabulary: made in a second."""

import json
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

UNET = {
    "sample_size": 8,
    "in_channels": 4,
    "out_channels": 4,
    "block_out_channels": (8, 16, 16, 16),
    "layers_per_block": 2,
    "cross_attention_dim": 16,
    "attention_head_dim": 2,
    "norm_num_groups": 4,
    "down_block_types": ("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
}
VAE = {
    "block_out_channels": (8, 8, 16),
    "layers_per_block": 1,
    "norm_num_groups": 4,
    "latent_channels": 4,
    "scaling_factor": 0.5,
    "down_block_types": ("DownEncoderBlock2D",) * 3,
    "up_block_types": ("UpDecoderBlock2D",) * 3,
}
SCHEDULER = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
}
INDEX = {
    "_class_name": "StableDiffusionPipeline",
    "feature_extractor": [None, None],
    "image_encoder": [None, None],
    "requires_safety_checker": False,
    "safety_checker": [None, None],
    "scheduler": ["diffusers", "DDIMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}
BYTES = 256
VOCABULARY = 2 * BYTES + 2


def make(folder: Path, *, layers: int = 3, unet=UNET, encoder=None, pad=None, **scheduler: object) -> Path:
    """A diffusers folder; the VAE's factor is 4. Other families are made of it with their own U-Net and encoder."""
    torch.manual_seed(0)
    UNet2DConditionModel(**unet).save_pretrained(folder / "unet")
    AutoencoderKL(**VAE).save_pretrained(folder / "vae")
    (encoder or text_encoder(layers)).save_pretrained(folder / "text_encoder")
    DDIMScheduler(**SCHEDULER | scheduler).save_pretrained(folder / "scheduler")
    (folder / "model_index.json").write_text(json.dumps(INDEX), "utf-8")
    vocabulary(folder / "tokenizer", pad)
    return folder


def text_encoder(layers: int, *, projects=False, **words) -> CLIPTextModel:
    usual = {
        "vocab_size": VOCABULARY,
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": layers,
        "num_attention_heads": 2,
        "projection_dim": 16,
        "bos_token_id": VOCABULARY - 2,
        "eos_token_id": VOCABULARY - 1,
        "pad_token_id": VOCABULARY - 1,
        "attn_implementation": "sdpa",
    }
    config = CLIPTextConfig(**usual | words)
    return CLIPTextModelWithProjection(config) if projects else CLIPTextModel(config)


def vocabulary(folder: Path, pad: str | None = None) -> None:
    """Every byte is a token, also at a word's end; no merges: the files as Stable Diffusion 1.5 has them."""
    folder.mkdir(parents=True)
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = [chr(byte) for byte in shown] + [chr(256 + place) for place in range(BYTES - len(shown))]
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: place for place, word in enumerate(words)}), "utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n", "utf-8")
    special = {"bos_token": words[-2], "eos_token": words[-1], "unk_token": words[-1], "pad_token": pad or words[-1]}
    (folder / "special_tokens_map.json").write_text(json.dumps(special), "utf-8")
    config = special | {"model_max_length": 77, "tokenizer_class": "CLIPTokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config), "utf-8")
