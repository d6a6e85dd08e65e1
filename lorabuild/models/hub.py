"""Models of the Hugging Face hub: read from its local cache, downloaded only when asked."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partialmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from lorabuild.core.errors import LorabuildError, ProjectError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

WHERE = "base.model"
CLIP = "openai/clip-vit-large-patch14"
WANTED = (
    "model_index.json", "*/config.json", "scheduler/*.json", "tokenizer/*", "tokenizer_2/*",
    "*/*.safetensors.index*.json", "unet/diffusion_pytorch_model.safetensors",
    "vae/diffusion_pytorch_model.safetensors", "text_encoder/model.safetensors", "text_encoder_2/model.safetensors",
    "*/*-of-?????.safetensors", "config.json", "diffusion_pytorch_model.safetensors",
)  # fmt: skip
VOCABULARY = ("vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
ONLY_FP16 = tuple(f"*/{name}.fp16.safetensors" for name in ("diffusion_pytorch_model", "model"))


@dataclass(frozen=True, slots=True)
class HubName:
    """``owner/name`` at a branch, tag or commit, and the commit of it that lora.lock pins it to."""

    repo: str
    revision: str
    pin: str | None = None

    def __str__(self) -> str:
        return self.repo if self.revision == "main" else f"{self.repo}@{self.revision}"

    @property
    def wanted(self) -> str:
        """The revision that a build takes."""
        return self.pin or self.revision


class Cost(NamedTuple):
    """A file of a hub model: its bytes, and whether it was downloaded before."""

    name: str
    size: int
    here: bool


def parse(text: str) -> HubName | None:
    """A hub id ``owner/name[@revision]``, or None when the text can't be one."""
    match = re.fullmatch(r"([\w-][\w.-]*/[\w-][\w.-]*)(?:@([\w-][\w./-]*))?", text)
    return HubName(match[1], match[2] or "main") if match else None


def cached(name: HubName, where: str = WHERE) -> tuple[str, Path]:
    """Commit and snapshot folder in the local cache. Raises ``ProjectError`` when it was never downloaded."""
    repo = _home(name)
    pointer = repo / "refs" / name.wanted
    commit = pointer.read_text("utf-8").strip() if pointer.is_file() else name.wanted
    snapshot = repo / "snapshots" / commit
    if re.fullmatch(r"[0-9a-f]{7,40}", commit) and snapshot.is_dir():
        return commit, snapshot
    if name.pin:
        raise ProjectError(
            _not_here(name),
            where=where,
            next_step="`lorabuild fetch` downloads it while online; `lorabuild update` moves the pin to the newest one",
        )
    raise ProjectError(
        f"{name} is neither a path in this project nor a hub model that was downloaded here",
        where=where,
        next_step="a build downloads it while online; by hand: "
        f"hf download {name.repo} --revision {name.revision} --exclude '*.ckpt' "
        "--exclude '*.bin'; or give a local folder or file",
    )


def _not_here(name: HubName) -> str:
    """A pinned revision is missing, and what is here instead."""
    others = sorted(path.name[:8] for path in (_home(name) / "snapshots").glob("*"))
    instead = f"only {', '.join(others)} was downloaded here" if others else "no revision was downloaded here"
    return f"lora.lock pins {name} to revision {name.wanted[:8]}, and {instead}"


def _home(name: HubName) -> Path:
    """A model's folder in the local cache."""
    return _cache() / f"models--{name.repo.replace('/', '--')}"


def commit_of(path: Path) -> str | None:
    """The commit of a file in the hub's cache; None for a file elsewhere."""
    found = re.search(r"/models--[^/]+/snapshots/([0-9a-f]{40})/", path.as_posix())
    return found[1] if found else None


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

    def get(*patterns: str) -> Path:
        return Path(snapshot_download(name.repo, revision=name.wanted, allow_patterns=list(patterns)))

    with _online(name):
        snapshot = get(*WANTED)
        if not any((snapshot / "unet").glob("*.safetensors")):
            snapshot = get(*WANTED, *ONLY_FP16)
    return snapshot


def costs(name: HubName, patterns: Sequence[str] = ()) -> list[Cost]:
    """What a model's files cost, without downloading one; those that ``download`` would take where none are named.

    Goes online. Raises ``ProjectError`` where there is no such model or revision, ``LorabuildError`` without the hub.
    """
    from huggingface_hub import snapshot_download
    from tqdm.auto import tqdm  # type: ignore[import-untyped]

    silent: Any = type("Silent", (tqdm,), {"__init__": partialmethod(tqdm.__init__, disable=True)})

    def ask(*patterns: str) -> list[Cost]:
        found = snapshot_download(
            name.repo, revision=name.wanted, allow_patterns=list(patterns), dry_run=True, tqdm_class=silent
        )
        return [Cost(one.filename, one.file_size or 0, one.is_cached) for one in found]

    with _online(name):
        if patterns:
            return ask(*patterns)
        found = ask(*WANTED)
        whole = any(one.name.startswith("unet/") and one.name.endswith(".safetensors") for one in found)
        return found if whole else ask(*WANTED, *ONLY_FP16)


def newest(name: HubName) -> str:
    """The newest commit of a model's branch. Goes online; raises like ``costs``."""
    from huggingface_hub import HfApi

    with _online(name):
        return str(HfApi().model_info(name.repo, revision=name.revision).sha)


def get_vocabulary() -> None:
    """Download CLIP's vocabulary into the hub's cache. Raises like ``costs``."""
    from huggingface_hub import snapshot_download

    name = HubName(CLIP, "main")
    with _online(name):
        snapshot_download(name.repo, revision=name.revision, allow_patterns=list(VOCABULARY))


@contextmanager
def _online(name: HubName) -> Iterator[None]:
    """What can go wrong on the way to the hub, in a person's words."""
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

    step = "check the name in lora.yaml; `hf auth login` opens models that are closed to the public"
    try:
        yield
    except Exception as error:  # the library's transport has had errors of three kinds so far
        cause = error if isinstance(error, HfHubHTTPError) else error.__cause__ or error  # others only wrap
        if isinstance(cause, RevisionNotFoundError):
            what = f"the hub has no revision {name.wanted} of {name.repo}"
            raise ProjectError(what, where=WHERE, next_step=step) from error
        if isinstance(cause, RepositoryNotFoundError):
            raise ProjectError(f"the hub has no {name}, or it is closed to you", where=WHERE, next_step=step) from error
        raise _unreachable(name, cause) from error


def _unreachable(name: HubName, cause: BaseException) -> LorabuildError:
    said = next((line.strip() for line in str(cause).splitlines() if line.strip()), type(cause).__name__)
    pinned = f"; {_not_here(name)}" if name.pin and not is_cached(name) else ""
    return LorabuildError(
        f"{name} can't be downloaded: {said}{pinned}",
        where=WHERE,
        next_step="check the name and the connection, then try again",
    )


def clip_tokenizer() -> Path | None:
    """CLIP's vocabulary in the local cache, from CLIP itself or from a Stable Diffusion that has it unchanged."""
    repos = {
        CLIP: ".",
        "stable-diffusion-v1-5/stable-diffusion-v1-5": "tokenizer",
        "CompVis/stable-diffusion-v1-4": "tokenizer",
        "stabilityai/stable-diffusion-xl-base-1.0": "tokenizer",
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
