"""A Stable Diffusion 2 in miniature: OpenCLIP's activation and padding, linear projections, v-prediction."""

import tiny_sd15

UNET = tiny_sd15.UNET | {"use_linear_projection": True, "attention_head_dim": (1, 2, 2, 2), "cross_attention_dim": 24}


def make(folder, *, layers=3, prediction_type="v_prediction", **scheduler):
    """A diffusers folder; the VAE's factor is 4."""
    encoder = tiny_sd15.text_encoder(layers, hidden_size=24, num_attention_heads=3, hidden_act="gelu", eos_token_id=2)
    tiny_sd15.make(folder, unet=UNET, encoder=encoder, pad="!", prediction_type=prediction_type, **scheduler)
    return folder
