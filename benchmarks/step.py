"""One training step, ours beside others: the same model, the same cached latents, in one run.

    PYTHONPATH=. python benchmarks/step.py [--threads 1] [--size 512] [--batch 1] [--rounds 3] [--steps 6]
        [--family sd15] [--device cpu] [--precision fp32] [--standard CHECKOUT --standard-python PYTHON]

The model has the layout of its family with narrower blocks (``--channels``; ``--channels 0`` is its real size) and
random weights; its VAE and text encoders are small, so that what is timed is the U-Net. Rank 16 LoRA on its linear
layers, AdamW, no gradient checkpointing. Every contender is a process of its own and does ``--steps`` steps after two
that aren't counted; the contenders take turns for ``--rounds`` rounds, so that a busy machine is busy for all of them.
Seconds are CPU seconds a step (the least and the median of all; on a GPU wall seconds), wall seconds beside them;
memory is the process's peak, or on a GPU that of what was allocated there.

* ``bare``: the frozen U-Net alone, forward and backward to its input: nothing trains. What lies above it is overhead.
* ``ours``: the ``train`` stage as a build runs it, from blobs in a store.
* ``peft``: a loop over diffusers and peft, written plainly below, with everything in memory.
* ``standard``: the standard trainer from a checkout of your own, unmodified but for the widths of its U-Net, which it
  has as constants; it has no cache of hidden states for this family, so its (small) text encoder runs in every step.

"First step" is the wall time from the start of the process to the end of its first step; ``start.py`` measures it for
whole builds.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

PACKAGE = Path(__file__).resolve().parent.parent
WARM, RANK, LENGTH = 2, 16, 77
NARROW = {"sd15": (64, 128, 256, 256), "sdxl": (64, 128, 256)}
ENCODERS = {"sd15": (768,), "sdxl": (768, 1280)}
POOLED, TIMES = 1280, 6
HERE = ("bare", "ours", "peft")


def main() -> None:
    wishes = _wishes()
    if wishes.inside:
        {"make": make, "bare": bare, "ours": ours, "peft": plain, "standard": standard}[wishes.inside](wishes)
        return
    with tempfile.TemporaryDirectory() as folder:
        wishes.folder = Path(folder)
        make(wishes)
        contenders = wishes.only or [*HERE, *(["standard"] if wishes.standard else [])]
        found: dict[str, list[Any]] = {name: [] for name in contenders}
        for _ in range(wishes.rounds):
            for name in contenders:
                found[name].append(run(name, wishes))
    table(found)


def _wishes() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--size", type=int, default=512, help="pixels a side")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--family", default="sd15", help="sd15 or sdxl")
    parser.add_argument("--channels", type=int, nargs="+", help="widths of the blocks; 0 is the real size")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--precision", default="fp32", help="of all contenders: fp32, bf16 or fp16")
    parser.add_argument(
        "--set", action="append", default=[], help="section.word=value for ours, e.g. network.type=loha"
    )
    parser.add_argument("--only", action="append", help="this contender, and others that are named so; else all")
    parser.add_argument("--standard", type=Path, help="checkout of the standard trainer")
    parser.add_argument("--standard-python", default=sys.executable, help="a Python that has what it needs")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    wishes = parser.parse_args()
    wishes.channels = wishes.channels or NARROW[wishes.family]
    return wishes


def run(name: str, wishes: argparse.Namespace) -> Any:
    """One contender in its own process: ``{seconds, wall, first, memory}``."""
    answer = process(name, wishes)
    if answer.returncode:
        sys.exit(f"{name} failed:\n{answer.stdout[-3000:]}\n{answer.stderr[-6000:]}")
    return json.loads(answer.stdout.splitlines()[-1])


def process(name: str, wishes: argparse.Namespace, limit: float | None = None) -> subprocess.CompletedProcess[str]:
    """One contender in its own process, with so many seconds at most; what it said and how it ended."""
    python = wishes.standard_python if name == "standard" else sys.executable
    asked = ["threads", "size", "batch", "steps", "device", "precision", "family", "folder"]
    asked += ["standard"] if wishes.standard else []
    words = [word for part in asked for word in (f"--{part}", str(getattr(wishes, part)))]
    words += [word for setting in wishes.set for word in ("--set", setting)]
    words += ["--channels", *map(str, wishes.channels)]
    room = {**os.environ, "PYTHONPATH": os.fspath(PACKAGE), "OMP_NUM_THREADS": str(wishes.threads)}
    room |= {"OMP_WAIT_POLICY": "PASSIVE", "HF_HUB_OFFLINE": "1", "BEGAN": str(time.time())}
    room.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [python, __file__, "--inside", name, *words]
    return subprocess.run(command, env=room, check=False, capture_output=True, text=True, timeout=limit)


def table(found: dict[str, list[Any]]) -> None:
    """A row a contender; ratios are of medians of CPU seconds."""
    seconds = {name: [one for answer in answers for one in answer["seconds"]] for name, answers in found.items()}
    walls = {name: [one for answer in answers for one in answer["wall"]] for name, answers in found.items()}
    middles = {name: statistics.median(values) for name, values in seconds.items()}
    print("| | s a step, median | least | wall s, median | over bare | ours / it | first step, wall s | peak MB |")
    print("|---|---|---|---|---|---|---|---|")
    for name, middle in middles.items():
        first = min(answer["first"] for answer in found[name])
        memory = max(answer["memory"] for answer in found[name])
        over = f"{middle / middles['bare'] - 1:+.1%}" if "bare" in middles else ""
        ratio = f"{middles['ours'] / middle:.2f}" if "ours" in middles else ""
        print(
            f"| {name} | {middle:.3f} | {min(seconds[name]):.3f} | {statistics.median(walls[name]):.3f} "
            f"| {over} | {ratio} | {first:.1f} | {memory:.0f} |"
        )


class Clock:
    """Takes the time at the end of every step; says it all at the end."""

    def __init__(self, device: str) -> None:
        self.began, self.cuda = float(os.environ["BEGAN"]), device == "cuda"
        self.ends: list[tuple[float, float]] = []
        self.first = self.begun = 0.0

    def begin(self) -> None:
        """The first step begins, if none has."""
        self.begun = self.begun or time.time() - self.began

    def tick(self, *_: object) -> None:
        """A step is done."""
        if self.cuda:
            import torch

            torch.cuda.synchronize()
        self.first = self.first or time.time() - self.began
        wall = time.perf_counter()
        self.ends.append((wall if self.cuda else time.process_time(), wall))

    def say(self) -> None:
        """One line of JSON."""
        ends = self.ends[WARM - 1 :]
        pairs = list(pairwise(ends))
        said = {
            "seconds": [later[0] - before[0] for before, later in pairs],
            "wall": [later[1] - before[1] for before, later in pairs],
            "begun": self.begun,
            "first": self.first,
            "memory": self.memory() / (1 << 20),
        }
        print(json.dumps(said))

    def memory(self) -> int:
        """Bytes at the peak; not getrusage's, which begins with the peak of the process that started this one."""
        if self.cuda:
            import torch

            return torch.cuda.max_memory_allocated()
        return 1024 * int(re.findall(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[0])


def make(wishes: argparse.Namespace) -> None:
    """The base model as a diffusers folder, and pictures for the standard trainer."""
    import torch
    from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
    from PIL import Image

    torch.manual_seed(0)
    base = wishes.folder / "base"
    with torch.device(wishes.device):
        model = UNet2DConditionModel.from_config(layout(wishes))
    model.to(dtype(wishes)).save_pretrained(base / "unet")
    AutoencoderKL(
        block_out_channels=(32, 32, 32, 32),
        layers_per_block=1,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        scaling_factor=0.18215,
    ).save_pretrained(base / "vae")
    for number, width in enumerate(ENCODERS[wishes.family], 1):
        behind = "" if number == 1 else f"_{number}"
        words = vocabulary(base / f"tokenizer{behind}")
        text_encoder(words, width, projects=number > 1).save_pretrained(base / f"text_encoder{behind}")
    DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, steps_offset=1
    ).save_pretrained(base / "scheduler")
    (base / "model_index.json").write_text(json.dumps(index(wishes.family)))
    pictures = wishes.folder / "pictures" / "1_a"
    pictures.mkdir(parents=True)
    for number in range(4):
        Image.effect_noise((wishes.size, wishes.size), 40 + number).convert("RGB").save(pictures / f"{number}.png")
        (pictures / f"{number}.txt").write_text("a, b")


def layout(wishes: argparse.Namespace) -> dict[str, Any]:
    """The U-Net's config: the family's own, with other widths."""
    configs = PACKAGE / "lorabuild" / "models" / "configs" / wishes.family
    own: dict[str, Any] = json.loads((configs / "unet" / "config.json").read_text("utf-8"))
    return own if wishes.channels[0] == 0 else {**own, "block_out_channels": list(wishes.channels)}


def text_encoder(words: int, width: int, *, projects: bool) -> Any:
    """A CLIP text encoder of one layer."""
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    config = CLIPTextConfig(
        vocab_size=words,
        hidden_size=width,
        intermediate_size=width,
        num_hidden_layers=2,
        num_attention_heads=4,
        projection_dim=POOLED,
        bos_token_id=words - 2,
        eos_token_id=words - 1,
        pad_token_id=words - 1,
    )
    return CLIPTextModelWithProjection(config) if projects else CLIPTextModel(config)


def index(family: str) -> dict[str, Any]:
    """``model_index.json``."""
    known = {
        "_class_name": "StableDiffusionPipeline" if family == "sd15" else "StableDiffusionXLPipeline",
        "feature_extractor": [None, None],
        "image_encoder": [None, None],
        "scheduler": ["diffusers", "DDIMScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    if family == "sd15":
        return {**known, "requires_safety_checker": False, "safety_checker": [None, None]}
    second = {"text_encoder_2": ["transformers", "CLIPTextModelWithProjection"]}
    return {**known, **second, "tokenizer_2": ["transformers", "CLIPTokenizer"]}


def vocabulary(folder: Path) -> int:
    """A byte-level CLIP vocabulary without merges; how many words it has."""
    folder.mkdir(parents=True)
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    letters = [chr(byte) for byte in printable] + [chr(256 + place) for place in range(len(others))]
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: place for place, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    special = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}
    told = {"tokenizer_class": "CLIPTokenizer", "model_max_length": LENGTH, **special, "pad_token": "<|endoftext|>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(told))
    return len(words)


def counted(wishes: argparse.Namespace) -> dict[str, int]:
    """What the preflight reads of the U-Net: its parameters, and the numbers that its layers put out for one image."""
    from lorabuild.training import preflight

    found = shapes(wishes)
    frozen = sum(map(preflight.elements, found.values()))
    return {"frozen": frozen, "outputs": preflight.outputs(found, wishes.size // 8, wishes.size // 8)}


def shapes(wishes: argparse.Namespace) -> dict[str, tuple[int, ...]]:
    """Name → shape of the U-Net's weights."""
    from safetensors import safe_open

    found: dict[str, tuple[int, ...]] = {}
    for weights in (wishes.folder / "base" / "unet").glob("*.safetensors"):
        with safe_open(weights, framework="numpy") as file:
            found |= {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    return found


def cached(wishes: argparse.Namespace) -> tuple[Any, dict[str, Any]]:
    """Latents ``[4, 4, h, w]`` and what the text encoders said: ``hidden`` ``[4, 77, D]``, of SDXL ``pooled`` too."""
    import torch

    side, drawn = wishes.size // 8, torch.Generator().manual_seed(1)
    latents = torch.randn(4, 4, side, side, generator=drawn)
    told = {"hidden": torch.randn(4, LENGTH, sum(ENCODERS[wishes.family]), generator=drawn)}
    if wishes.family == "sdxl":
        told["pooled"] = torch.randn(4, POOLED, generator=drawn)
    return latents, told


def asked(model: Any, noisy: Any, times: Any, told: dict[str, Any], size: int) -> Any:
    """The U-Net's answer, asked in diffusers' own way."""
    import torch

    more = {}
    if "pooled" in told:
        sizes = torch.tensor([size, size, 0, 0, size, size], device=noisy.device, dtype=noisy.dtype)
        more["added_cond_kwargs"] = {"text_embeds": told["pooled"], "time_ids": sizes.repeat(len(noisy), 1)}
    return model(noisy, times, encoder_hidden_states=told["hidden"], **more).sample


def dealt(wishes: argparse.Namespace, step: int, latents: Any, told: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The rows of a step, on the device."""
    rows = [(step * wishes.batch + row) % 4 for row in range(wishes.batch)]
    return latents[rows].to(wishes.device), {name: held[rows].to(wishes.device) for name, held in told.items()}


def autocast(wishes: argparse.Namespace) -> Any:
    """Mixed precision, as a person would write it."""
    import torch

    kind = torch.float16 if wishes.precision == "fp16" else torch.bfloat16
    return torch.autocast(wishes.device, kind, enabled=wishes.precision != "fp32")


def dtype(wishes: argparse.Namespace) -> Any:
    """What the frozen weights are held in."""
    import torch

    return {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[wishes.precision]


def unet(wishes: argparse.Namespace) -> Any:
    """The frozen U-Net, as everybody would load it."""
    import torch
    from diffusers import UNet2DConditionModel

    torch.set_num_threads(wishes.threads)
    model = UNet2DConditionModel.from_pretrained(wishes.folder / "base" / "unet", torch_dtype=dtype(wishes))
    return model.requires_grad_(False).to(wishes.device)


def bare(wishes: argparse.Namespace) -> None:
    """Forward and backward of the frozen U-Net, with freed memory kept as ours keeps it: what is over is the LoRA."""
    clock, model, (latents, said) = Clock(wishes.device), unet(wishes), cached(wishes)
    import torch

    from lorabuild.core import heap

    heap.keep()

    for step in range(WARM + wishes.steps):
        noisy, told = dealt(wishes, step, latents, said)
        times = torch.full((wishes.batch,), 500, device=wishes.device)
        with autocast(wishes):
            answer = asked(model, noisy.requires_grad_(), times, told, wishes.size)
        answer.float().square().mean().backward()
        clock.tick()
    clock.say()


def plain(wishes: argparse.Namespace) -> None:
    """The loop that a person writes with diffusers and peft."""
    clock, model, (latents, said) = Clock(wishes.device), unet(wishes), cached(wishes)
    import torch
    from diffusers import DDPMScheduler
    from peft import LoraConfig

    scheduler = DDPMScheduler.from_pretrained(wishes.folder / "base" / "scheduler")
    targets = ["to_q", "to_k", "to_v", "to_out.0", "proj_in", "proj_out", "ff.net.0.proj", "ff.net.2"]
    model.add_adapter(LoraConfig(r=RANK, lora_alpha=RANK // 2, init_lora_weights=True, target_modules=targets))
    parameters = [tensor for tensor in model.parameters() if tensor.requires_grad]
    for tensor in parameters:
        tensor.data = tensor.data.float()
    optimizer = torch.optim.AdamW(parameters, lr=1e-4)
    scaler = torch.amp.GradScaler(wishes.device, enabled=wishes.precision == "fp16")
    torch.manual_seed(0)
    for step in range(WARM + wishes.steps):
        clean, told = dealt(wishes, step, latents, said)
        noise, times = torch.randn_like(clean), torch.randint(0, 1000, (wishes.batch,), device=wishes.device)
        with autocast(wishes):
            answer = asked(model, scheduler.add_noise(clean, noise, times), times, told, wishes.size)
        scaler.scale(torch.nn.functional.mse_loss(answer.float(), noise)).backward()
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
        clock.tick()
    clock.say()


def ours(wishes: argparse.Namespace) -> None:
    """The ``train`` stage over records in a store."""
    import torch
    import yaml
    from safetensors.torch import save

    from lorabuild.core.item import Item
    from lorabuild.core.store import Store
    from lorabuild.schema.project import Project
    from lorabuild.schema.site import Site
    from lorabuild.stages import train

    clock, (latents, said) = Clock(wishes.device), cached(wishes)
    with tempfile.TemporaryDirectory() as folder:
        store, root = Store(Path(folder) / ".lorabuild"), Path(folder)
        tokens = store.write(save({"tokens": torch.zeros(len(ENCODERS[wishes.family]), LENGTH, dtype=torch.int64)}))
        texts = [
            [tokens, store.write(save({name: held[place].contiguous() for name, held in said.items()}))]
            for place in range(4)
        ]
        records = [
            {
                "id": f"{place}.png",
                "latents": store.write(save({"latents": latents[place].contiguous()})),
                "pixels": f"b3:{place}",
                "concept": "a",
                "repeats": wishes.batch,
                "prior": False,
                "size": [wishes.size, wishes.size],
                "sizes": [wishes.size, wishes.size, 0, 0, wishes.size, wishes.size],
                "texts": [texts[place]],
            }
            for place in range(4)
        ]
        project: dict[str, Any] = {
            "name": "step",
            "base": {"model": os.fspath(wishes.folder / "base"), "family": wishes.family},
            "concepts": {"a": {"folder": "a"}},
            "network": {"type": "lora", "dim": RANK, "alpha": RANK // 2},
            "training": {"train": "unet", "precision": wishes.precision, "batch": wishes.batch},
            "device": {"type": wishes.device, "threads": wishes.threads},
        }
        for setting in wishes.set:
            dotted, _, value = setting.partition("=")
            section, _, word = dotted.partition(".")
            project[section] = {**project.get(section, {}), word: yaml.safe_load(value)}
        site = Site(Project.model_validate(project), root)
        key = "b3:" + "1" * 64
        epochs = -(-(WARM + wishes.steps) // 4)
        reads: dict[str, Any] = {"records": records, "empty": texts[0], "epochs": epochs, "key": key}
        if "training.gradient_checkpointing=auto" in wishes.set:
            reads["preflight"] = counted(wishes)
        _every_step(clock)
        with store.writer("train") as outputs:
            train.run([Item("train", key, {}, reads)], site, outputs, lambda _event: None)
    clock.say()


def _every_step(clock: Clock) -> None:
    """Look at the clock whenever any optimizer of torch has done a step."""
    from torch.optim.optimizer import register_optimizer_step_post_hook

    register_optimizer_step_post_hook(clock.tick)


def standard(wishes: argparse.Namespace) -> None:
    """The standard trainer, told what the others do."""
    sys.path.insert(0, os.fspath(wishes.standard))
    os.chdir(wishes.standard)
    _without_torchvision()
    clock = Clock(wishes.device)
    import torch

    torch.set_num_threads(wishes.threads)
    _every_step(clock)
    import train_network
    from library import original_unet, train_util

    widths = layout(wishes)["block_out_channels"]
    original_unet.BLOCK_OUT_CHANNELS = tuple(widths)
    original_unet.TIMESTEP_INPUT_DIM = widths[0]
    original_unet.TIME_EMBED_DIM = 4 * widths[0]
    _first_forward(original_unet.UNet2DConditionModel, clock)
    words = wishes.folder / "tokenizers" / "openai_clip-vit-large-patch14"
    if not words.exists():
        words.parent.mkdir(exist_ok=True)
        words.symlink_to(wishes.folder / "base" / "tokenizer")
    said = {
        "pretrained_model_name_or_path": wishes.folder / "base",
        "tokenizer_cache_dir": words.parent,
        "train_data_dir": wishes.folder / "pictures",
        "output_dir": wishes.folder / "standard",
        "resolution": wishes.size,
        "caption_extension": ".txt",
        "network_module": "networks.lora",
        "network_dim": RANK,
        "network_alpha": RANK // 2,
        "train_batch_size": wishes.batch,
        "max_train_steps": WARM + wishes.steps,
        "learning_rate": 1e-4,
        "optimizer_type": "AdamW",
        "mixed_precision": "bf16" if wishes.precision == "bf16" else "no",
        "max_data_loader_n_workers": 0,
        "seed": 1,
    }
    flags = ["network_train_unet_only", "cache_latents", "cache_latents_to_disk", "sdpa"]
    arguments = [word for name, value in said.items() for word in (f"--{name}", str(value))]
    parser = train_network.setup_parser()
    settings = parser.parse_args([*arguments, *(f"--{flag}" for flag in flags)])
    train_util.verify_command_line_training_args(settings)
    train_network.NetworkTrainer().train(train_util.read_config_from_file(settings, parser))
    clock.say()


def _first_forward(model: Any, clock: Clock) -> None:
    """Look at the clock when the model is asked for the first time."""
    forward = model.forward

    def timed(*words: Any, **named: Any) -> Any:
        clock.begin()
        return forward(*words, **named)

    model.forward = timed


def _without_torchvision() -> None:
    """The two transforms that the standard trainer takes from torchvision, which has no match for every torch."""
    import importlib.machinery

    import numpy as np
    import torch

    def to_tensor(picture: Any) -> torch.Tensor:
        return torch.from_numpy(np.array(picture)).permute(2, 0, 1).float() / 255

    def normalize(mean: list[float], deviation: list[float]) -> Any:
        return lambda picture: (picture - mean[0]) / deviation[0]

    def compose(steps: list[Any]) -> Any:
        def all_of_them(picture: Any) -> Any:
            for step in steps:
                picture = step(picture)
            return picture

        return all_of_them

    made = {"ToTensor": lambda: to_tensor, "Normalize": normalize, "Compose": compose}
    transforms = SimpleNamespace(**made, __spec__=importlib.machinery.ModuleSpec("torchvision.transforms", None))
    spec = importlib.machinery.ModuleSpec("torchvision", None)
    sys.modules["torchvision"] = SimpleNamespace(transforms=transforms, __spec__=spec, __version__="0")  # type: ignore[assignment]
    sys.modules["torchvision.transforms"] = transforms  # type: ignore[assignment]


if __name__ == "__main__":
    main()
