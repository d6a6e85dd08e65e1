"""The original (LDM) names of a Stable Diffusion 1.x checkpoint for diffusers' names, two residual blocks a stage."""

import re

RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
TOP = {
    "conv_in": "input_blocks.0.0",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
    "mid_block.resnets.0": "middle_block.0",
    "mid_block.attentions.0": "middle_block.1",
    "mid_block.resnets.1": "middle_block.2",
}


def checkpoint(unet, vae, encoder):
    """The tensors of one original file."""
    made = {f"model.diffusion_model.{unet_name(k)}": v for k, v in unet.items()}
    for name, tensor in vae.items():
        new = vae_name(name, max(int(found) for found in re.findall(r"up_blocks\.(\d)", " ".join(vae))))
        made[f"first_stage_model.{new}"] = tensor[..., None, None] if "attn_1" in new and tensor.dim() == 2 else tensor
    return made | {f"cond_stage_model.transformer.text_model.{k}": v for k, v in encoder.items()}


def unet_name(name):
    for ours, theirs in TOP.items():
        name = re.sub(rf"^{ours}\.", f"{theirs}.", name)
    name = re.sub(
        r"^down_blocks\.(\d)\.resnets\.(\d)", lambda m: f"input_blocks.{1 + 3 * int(m[1]) + int(m[2])}.0", name
    )
    name = re.sub(
        r"^down_blocks\.(\d)\.attentions\.(\d)", lambda m: f"input_blocks.{1 + 3 * int(m[1]) + int(m[2])}.1", name
    )
    name = re.sub(
        r"^down_blocks\.(\d)\.downsamplers\.0\.conv", lambda m: f"input_blocks.{3 * int(m[1]) + 3}.0.op", name
    )
    name = re.sub(r"^up_blocks\.(\d)\.resnets\.(\d)", lambda m: f"output_blocks.{3 * int(m[1]) + int(m[2])}.0", name)
    name = re.sub(r"^up_blocks\.(\d)\.attentions\.(\d)", lambda m: f"output_blocks.{3 * int(m[1]) + int(m[2])}.1", name)
    last = r"^up_blocks\.(\d)\.upsamplers\.0"
    name = re.sub(last, lambda m: f"output_blocks.{3 * int(m[1]) + 2}.{1 if m[1] == '0' else 2}", name)
    if ".1.transformer" in name or ".1.norm" in name or ".1.proj" in name:
        return name
    return re.sub(r"\.(norm1|conv1|time_emb_proj|norm2|conv2|conv_shortcut)\.", lambda m: f".{RESNET[m[1]]}.", name)


def vae_name(name, last):
    name = re.sub(r"down_blocks\.(\d)\.resnets\.(\d)", r"down.\1.block.\2", name)
    name = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", name)
    name = re.sub(r"up_blocks\.(\d)\.resnets\.(\d)", lambda m: f"up.{last - int(m[1])}.block.{m[2]}", name)
    name = re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"up.{last - int(m[1])}.upsample", name)
    name = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", name)
    name = name.replace("mid_block.attentions.0.", "mid.attn_1.").replace("conv_norm_out", "norm_out")
    for ours, theirs in {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}.items():
        name = name.replace(f"attn_1.{ours}.", f"attn_1.{theirs}.")
    return name.replace("conv_shortcut", "nin_shortcut")
