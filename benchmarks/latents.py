"""Images a second into latents: our ``latents`` stage beside a loop that takes one picture after the other.

    PYTHONPATH=. python benchmarks/latents.py [--images 200] [--size 64] [--base example_project/base] [--rounds 3]
        [--threads 1]

``plain`` is what a person writes with diffusers and Pillow: open a picture, scale and crop it, encode it, save the
latents; batch 1. ``ours`` is the whole of ``lorabuild build latents`` from its first latents on, with all that it does
to be incremental: digests, keys, a store that survives a kill. Both have the same pictures (noise, a little larger
than the bucket, as PNG), the same VAE in float32 and the same threads; loading it is in neither. ``--widths 128 256 512
512`` makes a VAE of SD's size with random weights instead.

Where other work shares the cores, wall times say little: beside them stand CPU seconds, of the plain loop and of the
main thread of ours (Linux), which is the one that all waits for as long as another core reads the pictures.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent
SETTINGS = """name: latents
base: {{model: {base}}}
concepts: {{a: {{folder: pictures, repeats: 1}}}}
images: {{resolution: {size}}}
budget: {{epochs: 1}}
device: {{type: cpu, threads: {threads}}}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--base", type=Path, default=PACKAGE / "example_project" / "base")
    parser.add_argument("--widths", type=int, nargs="+", help="make a VAE with these widths")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    wishes = parser.parse_args()
    if wishes.inside:
        plain(wishes)
    else:
        compare(wishes)


def compare(wishes: argparse.Namespace) -> None:
    """Both in turn, and their ratio."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw(folder / "pictures", wishes)
        shutil.copytree(wishes.base, folder / "base")
        if wishes.widths:
            widen(folder / "base" / "vae", wishes.widths)
        settings = SETTINGS.format(base="base", size=wishes.size, threads=wishes.threads)
        (folder / "lora.yaml").write_text(settings)
        found: dict[str, list[tuple[float, float]]] = {"plain": [], "ours": []}
        for _ in range(wishes.rounds):
            found["plain"].append(apart(wishes, folder))
            found["ours"].append(build(folder, wishes.images))
    middles = {name: [statistics.median(each) for each in zip(*rounds, strict=True)] for name, rounds in found.items()}
    for name, (rate, cpu) in middles.items():
        rates = [rate for rate, _ in found[name]]
        print(
            f"{name}: {rate:.2f} images a second ({min(rates):.2f} to {max(rates):.2f}), {1e3 * cpu:.3f} ms of CPU each"
        )
    print(f"ours / plain: {middles['ours'][0] / middles['plain'][0]:.2f}")
    if middles["ours"][1]:
        print(f"by CPU: {middles['plain'][1] / middles['ours'][1]:.2f}")


def draw(folder: Path, wishes: argparse.Namespace) -> None:
    """Pictures of noise, larger than the bucket by a quarter."""
    import numpy as np
    from PIL import Image

    folder.mkdir()
    side = wishes.size * 5 // 4
    for number in range(wishes.images):
        pixels = np.random.default_rng(number).integers(0, 256, (side, side, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")


def widen(folder: Path, widths: list[int]) -> None:
    """A VAE of other widths, with random weights."""
    from diffusers import AutoencoderKL

    shutil.rmtree(folder)
    down, up = ("DownEncoderBlock2D",) * len(widths), ("UpDecoderBlock2D",) * len(widths)
    AutoencoderKL(
        block_out_channels=tuple(widths), down_block_types=down, up_block_types=up, layers_per_block=2
    ).save_pretrained(folder)


def apart(wishes: argparse.Namespace, folder: Path) -> tuple[float, float]:
    """The plain loop in a process of its own; images a second, CPU seconds an image."""
    words = ["--inside", folder, "--size", wishes.size, "--threads", wishes.threads]
    done = subprocess.run(
        [sys.executable, __file__, *map(str, words)], env=room(), check=True, capture_output=True, text=True
    )
    rate, cpu = json.loads(done.stdout.splitlines()[-1])
    return rate, cpu


def plain(wishes: argparse.Namespace) -> None:
    """One picture after the other."""
    import numpy as np
    import torch
    from diffusers import AutoencoderKL
    from PIL import Image
    from safetensors.torch import save_file

    torch.set_num_threads(wishes.threads)
    vae = AutoencoderKL.from_pretrained(wishes.inside / "base" / "vae", torch_dtype=torch.float32)
    cache = wishes.inside / "plain"
    cache.mkdir(exist_ok=True)
    paths = sorted((wishes.inside / "pictures").iterdir())
    began = before = 0.0
    for path in paths:
        picture = Image.open(path).convert("RGB").resize((wishes.size, wishes.size), Image.Resampling.LANCZOS)
        pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 127.5 - 1
        with torch.no_grad():
            latents = vae.encode(pixels).latent_dist.sample() * vae.config.scaling_factor
        save_file({"latents": latents[0]}, cache / f"{path.stem}.safetensors")
        began, before = began or time.perf_counter(), before or time.process_time()
    count = len(paths) - 1
    print(json.dumps([count / (time.perf_counter() - began), (time.process_time() - before) / count]))


def build(folder: Path, images: int) -> tuple[float, float]:
    """Our stage on an empty cache, from the first image that is done to the last; as ``apart``, of the main thread."""
    shutil.rmtree(folder / ".lorabuild", ignore_errors=True)
    words = [sys.executable, "-m", "lorabuild", "-C", str(folder), "build", "latents", "--json"]
    seen: list[tuple[float, float, int]] = []
    with subprocess.Popen(words, env=room(), stdout=subprocess.PIPE, text=True) as running:
        for line in running.stdout or ():
            event = json.loads(line)
            if event.get("stage") == "latents" and event.get("event") == "progress":
                seen.append((time.perf_counter(), busy(running.pid), event["done"]))
    if running.returncode or seen[-1][2] != images:
        sys.exit("lorabuild build latents failed")
    first = next(place for place, told in enumerate(seen) if told[2] == min(4, images // 2))  # the first pass is done
    (began, before, some), (ended, after, done) = seen[first], seen[-1]
    return (done - some) / (ended - began), (after - before) / (done - some)


def busy(process: int) -> float:
    """CPU seconds that the main thread of a process has had; 0 where the system doesn't tell."""
    try:
        told = Path(f"/proc/{process}/task/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")


def room() -> dict[str, str]:
    """The environment of both."""
    return {**os.environ, "PYTHONPATH": os.fspath(PACKAGE), "HF_HUB_OFFLINE": "1", "OMP_WAIT_POLICY": "PASSIVE"}


if __name__ == "__main__":
    main()
