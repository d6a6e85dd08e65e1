"""Makes the example's base model from nothing: `python -m make.base`, run in `example_project/`.

Two trainings, each with a checkpoint that it resumes from; see `README.md` beside this file for times and measures.
On several processors: `torchrun --nproc_per_node 2 -m make.base --batch 10`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline
from safetensors.torch import load_file

from .tokens import make_tokenizer
from .train import Place, find_place
from .unet import new_scheduler, train_unet
from .vae import psnr, train_vae

HERE = Path(__file__).resolve().parent.parent


def make_vae(arguments: argparse.Namespace, place: Place) -> AutoencoderKL:
    """The trained VAE, from `work/vae/` when it is there already."""
    folder: Path = arguments.work / "vae"
    if not (folder / "config.json").exists():
        vae = train_vae(arguments.work, place, arguments.vae_steps, arguments.vae_batch)
        if place.is_first:
            vae.save_pretrained(folder)
            print(f"VAE: {psnr(vae, place):.2f} dB on unseen drawings", flush=True)
        return vae
    config = AutoencoderKL.load_config(folder)
    config.pop("_name_or_path", None)  # else the folder's place on this machine is written into the base
    loaded = AutoencoderKL.from_config(config)
    loaded.load_state_dict(load_file(folder / "diffusion_pytorch_model.safetensors"))
    return loaded.to(place.device)


def make_base(arguments: argparse.Namespace, place: Place) -> None:
    """Train what is missing and write the diffusers folder in fp16."""
    vae = make_vae(arguments, place)
    if arguments.stage == "vae":
        return
    tokenizer = make_tokenizer()
    pair = train_unet(arguments.work, place, vae, tokenizer, arguments.steps, arguments.batch, arguments.rate)
    if not place.is_first:
        return
    pipeline = StableDiffusionPipeline(
        vae=vae,
        text_encoder=pair.text,
        tokenizer=tokenizer,
        unet=pair.unet,
        scheduler=new_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.to("cpu", torch.float16).save_pretrained(arguments.out)
    print(f"written: {arguments.out}", flush=True)


def main() -> None:
    """Read the command line and go."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=HERE / "base", help="the diffusers folder to write")
    parser.add_argument("--work", type=Path, default=HERE / "out" / "make", help="folder of the checkpoints")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--stage", choices=("vae", "unet", "all"), default="all")
    parser.add_argument("--vae-steps", type=int, default=6000)
    parser.add_argument("--vae-batch", type=int, default=12, help="crops a step and process")
    parser.add_argument("--steps", type=int, default=16000, help="steps of the U-Net and text encoder")
    parser.add_argument("--batch", type=int, default=16, help="pictures a step and process")
    parser.add_argument("--rate", type=float, default=8e-4, help="highest learning rate of the U-Net")
    arguments = parser.parse_args()
    make_base(arguments, find_place(arguments.device))


if __name__ == "__main__":
    main()
