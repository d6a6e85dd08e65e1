"""Models of the Hugging Face hub: read from its local cache, downloaded only when asked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from lorabuild.core.errors import LorabuildError, ProjectError

WHERE = "base.model"
CLIP = "openai/clip-vit-large-patch14"
WANTED = (
    "model_index.json", "*/config.json", "scheduler/*.json", "tokenizer/*", "*/*.safetensors.index*.json",
    "unet/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.safetensors",
    "text_encoder/model.safetensors", "*/*-of-?????.safetensors",
)  # fmt: skip
ONLY_FP16 = tuple(f"*/{name}.fp16.safetensors" for name in ("diffusion_pytorch_model", "model"))


@dataclass(frozen=True, slots=True)
class HubName:
    """``owner/name`` at a branch, tag or commit."""

    repo: str
    revision: str

    def __str__(self) -> str:
        return self.repo if self.revision == "main" else f"{self.repo}@{self.revision}"


def parse(text: str) -> HubName | None:
    """A hub id ``owner/name[@revision]``, or None when the text can't be one."""
    match = re.fullmatch(r"([\w-][\w.-]*/[\w-][\w.-]*)(?:@([\w-][\w./-]*))?", text)
    return HubName(match[1], match[2] or "main") if match else None


def cached(name: HubName) -> tuple[str, Path]:
    """Commit and snapshot folder in the local cache. Raises ``ProjectError`` when it was never downloaded."""
    repo = _cache() / f"models--{name.repo.replace('/', '--')}"
    pointer = repo / "refs" / name.revision
    commit = pointer.read_text("utf-8").strip() if pointer.is_file() else name.revision
    snapshot = repo / "snapshots" / commit
    if re.fullmatch(r"[0-9a-f]{7,40}", commit) and snapshot.is_dir():
        return commit, snapshot
    raise ProjectError(
        f"{name} is neither a path in this project nor a hub model that was downloaded here",
        where=WHERE,
        next_step="a build downloads it while online; by hand: "
        f"hf download {name.repo} --revision {name.revision} --exclude '*.ckpt' "
        "--exclude '*.bin'; or give a local folder or file",
    )


def is_cached(name: HubName) -> bool:
    """Whether the model was downloaded before."""
    try:
        cached(name)
    except ProjectError:
        return False
    return True


def download(name: HubName) -> Path:
    """Download a diffusers model's configs and safetensors (no pickles) into the hub's cache; returns the snapshot."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    def get(*patterns: str) -> Path:
        return Path(snapshot_download(name.repo, revision=name.revision, allow_patterns=list(patterns)))

    try:
        snapshot = get(*WANTED)
        if not any((snapshot / "unet").glob("*.safetensors")):
            snapshot = get(*WANTED, *ONLY_FP16)
    except (HfHubHTTPError, OSError) as error:  # LocalEntryNotFoundError is a FileNotFoundError
        raise LorabuildError(
            f"{name} can't be downloaded: {error}",
            where=WHERE,
            next_step="check the name and the connection, then try again",
        ) from error
    return snapshot


def clip_tokenizer() -> Path | None:
    """CLIP's vocabulary in the local cache, from CLIP itself or from a Stable Diffusion 1.x model."""
    repos = {
        CLIP: ".",
        "stable-diffusion-v1-5/stable-diffusion-v1-5": "tokenizer",
        "CompVis/stable-diffusion-v1-4": "tokenizer",
    }
    for repo, folder in repos.items():
        found = sorted((_cache() / f"models--{repo.replace('/', '--')}" / "snapshots").glob(f"*/{folder}"))
        usable = [path for path in found if (path / "vocab.json").is_file() or (path / "tokenizer.json").is_file()]
        if usable:
            return usable[0]
    return None


def _cache() -> Path:
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE)
