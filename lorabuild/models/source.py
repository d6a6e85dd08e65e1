"""Where the base model's files are: a hub snapshot in the local cache, a diffusers folder, or one .safetensors file.

Planning reads this, so it imports nothing heavy; weights are opened elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lorabuild.core.errors import ProjectError
from lorabuild.models import checkpoint, hub, layout
from lorabuild.models.layout import PICKLES, WHERE
from lorabuild.schema.pins import pin

if TYPE_CHECKING:
    from lorabuild.schema.site import Site

CONFIGS = Path(__file__).parent / "configs"
VAE_WHERE = "base.vae"
_SD = ("unet", "vae", "text_encoder", "tokenizer", "scheduler")
PARTS = {"sd15": _SD, "sd2": _SD, "sdxl": (*_SD, "text_encoder_2", "tokenizer_2")}
"""Family → its parts."""
PADS = {"sd2": {"tokenizer": "!"}, "sdxl": {"tokenizer_2": "!"}}
"""OpenCLIP's padding, for a single file: its vocabulary is CLIP's own, which pads with its end token."""
USUAL_VAE = {"latent_channels": 4, "scaling_factor": 0.18215}
"""Where an old config doesn't say."""
UNTOLD = frozenset({"sd2"})
"""Families whose single files exist with either prediction, mostly without a sign of it."""


@dataclass(frozen=True, slots=True)
class Located:
    """A base model on this machine.

    Attributes:
        kind: ``folder`` in diffusers layout (a hub snapshot too) or one original ``file``.
        path: the folder or the file.
        family: the word of ``base.family``.
        revision: commit of a hub snapshot; None elsewhere.
        vae_factor: pixels a latent side, from the VAE's config.
        unet_factor: latent sides must be multiples of this: the U-Net halves them so often.
        prediction_type: what the model predicts: as lora.yaml, the scheduler's config or the file's marks say.
        zero_terminal_snr: whether its noise ends without any signal, by the same.
        files: part → every file that its behaviour comes from, config first; their digests are the part's identity.
        pads: tokenizer → padding word, where the vocabulary's own isn't meant.
    """

    kind: Literal["folder", "file"]
    path: Path
    family: str
    revision: str | None
    vae_factor: int
    unet_factor: int
    prediction_type: str
    zero_terminal_snr: bool
    files: dict[str, tuple[Path, ...]]
    pads: dict[str, str]


def locate(site: Site) -> Located:
    """Find the base model without going online. Raises ``ProjectError`` that says what to do where it isn't there."""
    found, base = _base(site), site.project.base
    if base.vae is not None:
        files = _vae(site, base.vae, found.family)
        _alike(files[0], found.files["vae"][0], base.vae)
        found = replace(found, files={**found.files, "vae": files}, vae_factor=layout.factor(files[0]))
    if base.prediction is not None:
        found = replace(found, prediction_type=base.prediction)
    if base.zero_terminal_snr is not None:
        found = replace(found, zero_terminal_snr=base.zero_terminal_snr)
    _agree(found)
    return found


def _base(site: Site) -> Located:
    """The model itself, before lora.yaml says more of it."""
    text, family = site.project.base.model, site.project.base.family
    path = site.path(text)
    if path.is_dir():
        return _folder(path, family, None)
    if path.suffix in PICKLES:
        raise layout.pickled(path)
    if path.is_file():
        return _file(path, family)
    if named := pinned(site, "base", text):
        revision, snapshot = hub.cached(named)
        return _folder(snapshot, family, revision)
    raise ProjectError(
        f"there is no model at {text!r}",
        where=WHERE,
        next_step="give a diffusers folder, a .safetensors file, or a hub id such as owner/name",
    )


def is_missing(site: Site) -> bool:
    """Whether a hub model is asked for that isn't in the local cache yet."""
    return any(not hub.is_cached(named) for named in _on_hub(site))


def fetch(site: Site) -> Located:
    """``locate``, after downloading what is missing of hub models. Raises ``ProjectError`` when that fails."""
    for named in _on_hub(site):
        hub.download(named)
    return locate(site)


def _on_hub(site: Site) -> list[hub.HubName]:
    """The models that lora.yaml names by hub id: the base, and its external VAE."""
    named = (pinned(site, what, text) for what, text in texts(site).items() if not site.path(text).exists())
    return [name for name in named if name]


def texts(site: Site) -> dict[str, str]:
    """What the base, and its external VAE where there is one, are called in lora.yaml."""
    base = site.project.base
    return {"base": base.model} | ({"vae": base.vae} if base.vae else {})


def pinned(site: Site, what: str, text: str) -> hub.HubName | None:
    """The hub model that a text names, at the revision that lora.lock pins it to; None for what can't be one."""
    named = hub.parse(text)
    return replace(named, pin=pin(site, what, text)) if named else None


def lacks_vocabulary(site: Site) -> bool:
    """Whether the base is a single file, and no vocabulary for it is on this machine."""
    path = site.path(site.project.base.model)
    beside = any((path.parent / name).is_dir() for name in ("tokenizer", "tokenizer_2"))
    return path.is_file() and not beside and hub.clip_tokenizer() is None


def _folder(path: Path, family: str, revision: str | None) -> Located:
    if family != "sdxl" and (path / "text_encoder_2").is_dir():
        raise _other_family(path, "sdxl", family)
    missing = [part for part in PARTS[family] if not (path / part).is_dir()]
    if set(missing) == set(PARTS["sdxl"]) - set(_SD):
        raise _other_family(path, _of_one_encoder(path), family)
    if missing:
        raise ProjectError(
            f"{path.name} is no complete diffusers folder: it lacks {', '.join(missing)}",
            where=WHERE,
            next_step=f"a diffusers folder has the folders {', '.join(PARTS[family])}",
        )
    files = {part: layout.files(path / part, part) for part in PARTS[family]}
    unet, vae, scheduler = (layout.read(files[part][0]) for part in ("unet", "vae", "scheduler"))
    if unet.get("in_channels", 4) != vae.get("latent_channels", 4):
        raise _other_family(path, "an inpainting model", family)
    return Located(
        kind="folder",
        path=path,
        family=family,
        revision=revision,
        vae_factor=layout.factor(files["vae"][0]),
        unet_factor=layout.factor(files["unet"][0]),
        prediction_type=scheduler.get("prediction_type", "epsilon"),
        zero_terminal_snr=bool(scheduler.get("rescale_betas_zero_snr")),
        files=files,
        pads={},
    )


def _of_one_encoder(path: Path) -> str:
    """``sd15`` or ``sd2``, of a diffusers folder with one text encoder: the projections around attention tell."""
    linear = layout.read(layout.files(path / "unet", "unet")[0]).get("use_linear_projection")
    return "sd2" if linear else "sd15"


def _file(path: Path, family: str) -> Located:
    if path.suffix != ".safetensors":
        raise ProjectError(
            f"{path.name} is no .safetensors file", where=WHERE, next_step="give a .safetensors checkpoint"
        )
    held = checkpoint.look(path)
    if held.family != family:
        raise _other_family(path, held.family, family)
    files = {part: _files_of(path, part, CONFIGS / family / part) for part in PARTS[family]}
    usual = "" if family in UNTOLD else layout.read(files["scheduler"][0])["prediction_type"]
    return Located(
        kind="file",
        path=path,
        family=family,
        revision=None,
        vae_factor=layout.factor(files["vae"][0]),
        unet_factor=layout.factor(files["unet"][0]),
        prediction_type=held.prediction or usual,
        zero_terminal_snr=held.zero_terminal_snr,
        files=files,
        pads=PADS.get(family, {}),
    )


def _files_of(path: Path, part: str, config: Path) -> tuple[Path, ...]:
    """The files of a part of a single file: our config and the file itself; a vocabulary from elsewhere."""
    if part.startswith("tokenizer"):
        return layout.vocabulary(_tokenizer_beside(path, part))
    if part == "scheduler":
        return (config / "scheduler_config.json",)
    return (config / "config.json", path)


def _tokenizer_beside(path: Path, part: str) -> Path:
    """A single file carries no vocabulary: it comes from a folder beside it, or from the hub's local cache."""
    beside = (path.parent / name for name in dict.fromkeys((part, "tokenizer")))
    folder = next((place for place in beside if place.is_dir()), None) or hub.clip_tokenizer()
    if folder is None:
        raise ProjectError(
            f"{path.name} needs CLIP's vocabulary, which a single file doesn't carry",
            where=WHERE,
            next_step=f"put the model's `tokenizer` folder beside it, or run once while online: hf download {hub.CLIP} "
            + " ".join(layout.VOCABULARY[:5]),
        )
    return folder


def _vae(site: Site, text: str, family: str) -> tuple[Path, ...]:
    """The files of an external VAE: a folder with its config, one with such a folder in it, or one file."""
    path = site.path(text)
    if path.suffix in PICKLES:
        raise layout.pickled(path, VAE_WHERE)
    if path.is_file() and path.suffix == ".safetensors":
        return (CONFIGS / family / "vae" / "config.json", path)
    if not path.is_dir() and (named := pinned(site, "vae", text)):
        _, path = hub.cached(named, VAE_WHERE)
    if path.is_dir():
        inner = path / "vae"
        return layout.files(inner if inner.is_dir() else path, "vae", VAE_WHERE)
    raise ProjectError(
        f"there is no VAE at {text!r}",
        where=VAE_WHERE,
        next_step="give a diffusers folder, a .safetensors file, or a hub id such as owner/name",
    )


def _alike(other: Path, own: Path, text: str) -> None:
    """Raise ``ProjectError`` where an external VAE's latents are none that the U-Net was trained on."""
    if other.is_relative_to(CONFIGS):
        return  # a single file says nothing: our config stands for it
    theirs, ours = layout.read(other), layout.read(own)
    for word, usual in USUAL_VAE.items():
        its, wanted = theirs.get(word, usual), ours.get(word, usual)
        if its != wanted:
            raise ProjectError(
                f"{text} makes latents of another kind: its {word} is {its}, the base's {wanted}",
                where=VAE_WHERE,
                next_step="give a VAE of the base's own family, or leave `vae` out",
            )


def _agree(found: Located) -> None:
    """Raise ``ProjectError`` where what is predicted isn't known, or can't be predicted from noise alone."""
    if not found.prediction_type:
        raise ProjectError(
            f"{found.path.name} doesn't say what it predicts",
            where="base.prediction",
            next_step="write `prediction: epsilon` for a 512-base model, `prediction: v_prediction` for a 768-v one",
        )
    if found.zero_terminal_snr and found.prediction_type == "epsilon":
        raise ProjectError(
            f"{found.path.name} predicts epsilon: from noise without any signal nothing follows",
            where="base.zero_terminal_snr",
            next_step="write `zero_terminal_snr: false`, or `prediction: v_prediction` if the base predicts v",
        )


def _other_family(path: Path, found: str, family: str) -> ProjectError:
    next_step = f"write `family: {found}`" if found in PARTS else "give a model of that family"
    return ProjectError(f"{path.name} is {found}, while base.family says {family}", where=WHERE, next_step=next_step)
