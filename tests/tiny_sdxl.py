"""A Stable Diffusion XL in miniature: two text encoders, three levels; sizes and pooled text are read as well."""

import json

import tiny_sd15
from diffusers import EulerDiscreteScheduler

WIDTHS, POOLED, SIZES = (16, 24), 20, 8
UNET = {
    **tiny_sd15.UNET,
    "block_out_channels": (8, 16, 16),
    "cross_attention_dim": sum(WIDTHS),
    "attention_head_dim": (1, 2, 2),
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "transformer_layers_per_block": (1, 1, 2),
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": SIZES,
    "projection_class_embeddings_input_dim": POOLED + 6 * SIZES,
}
INDEX = {
    **{name: held for name, held in tiny_sd15.INDEX.items() if "safety" not in name},
    "_class_name": "StableDiffusionXLPipeline",
    "force_zeros_for_empty_prompt": True,
    "scheduler": ["diffusers", "EulerDiscreteScheduler"],
    "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
    "tokenizer_2": ["transformers", "CLIPTokenizer"],
}


def make(folder, *, layers=3, **scheduler):
    """A diffusers folder; the VAE's factor is 4."""
    tiny_sd15.make(folder, unet=UNET, encoder=tiny_sd15.text_encoder(layers, hidden_size=WIDTHS[0]))
    second = {"hidden_size": WIDTHS[1], "num_attention_heads": 3, "hidden_act": "gelu", "eos_token_id": 2}
    encoder = tiny_sd15.text_encoder(layers, projects=True, projection_dim=POOLED, **second)
    encoder.save_pretrained(folder / "text_encoder_2")
    tiny_sd15.vocabulary(folder / "tokenizer_2", pad="!")
    betas = {name: tiny_sd15.SCHEDULER[name] for name in ("beta_start", "beta_end", "beta_schedule", "steps_offset")}
    EulerDiscreteScheduler(**betas | scheduler).save_pretrained(folder / "scheduler")
    (folder / "model_index.json").write_text(json.dumps(INDEX), "utf-8")
    return folder
