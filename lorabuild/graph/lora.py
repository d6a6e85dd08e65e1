"""``lorabuild lora``: LoRA files looked into, rescaled, made smaller, added, and taken out of checkpoints."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lorabuild.core.errors import ProjectError
from lorabuild.core.files import write_atomic
from lorabuild.graph.free import free

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

    from lorabuild.networks.resize import Kept
    from lorabuild.schema.finish import Finish

FOLDER = re.compile(r"^\d+_")
"""How often an image is seen, in front of what a folder of the standard trainer is called."""


def inspected(path: Path) -> dict[str, Any]:
    """What ``lora inspect --json`` prints: what the tensors are and what the header says. Raises ``ProjectError``."""
    from lorabuild.networks import inspect
    from lorabuild.publish import hashes, reworked

    state, metadata = reworked.opened(path)
    data = path.read_bytes()
    with _at(path):
        told = inspect.inspected(state)
    return {
        "file": path.name,
        "bytes": len(data),
        "hash": hashes.lora_hash(data),
        **told,
        "triggers": triggers(metadata),
        "tags": tags(metadata),
        "history": reworked.history(metadata),
        "metadata": metadata,
    }


def triggers(metadata: Mapping[str, str]) -> list[str]:
    """The words that a file says it learned: our own list, a phrase, or what the training folders were called."""
    held = _read(metadata, "lorabuild.triggers")
    if isinstance(held, list):
        return [str(word) for word in held]
    if phrase := metadata.get("modelspec.trigger_phrase"):
        return [phrase]
    folders = _read(metadata, "ss_tag_frequency")
    return [FOLDER.sub("", name) for name in folders] if isinstance(folders, dict) else []


def tags(metadata: Mapping[str, str]) -> list[list[Any]]:
    """``[tag, count]`` over all folders, the commonest first."""
    counts: dict[str, int] = {}
    folders = _read(metadata, "ss_tag_frequency")
    for table in folders.values() if isinstance(folders, dict) else ():
        for tag, count in table.items() if isinstance(table, dict) else ():
            if isinstance(count, int):
                counts[tag.strip()] = counts.get(tag.strip(), 0) + count
    return [[tag, count] for tag, count in sorted(counts.items(), key=lambda row: (-row[1], row[0]))]


def _read(metadata: Mapping[str, str], word: str) -> Any:
    """A word of the header that is JSON; None where it is none."""
    try:
        return json.loads(metadata.get(word, ""))
    except ValueError:
        return None


def picture(found: Mapping[str, Any], path: Path) -> None:
    """Write the norms of the blocks as a PNG."""
    from lorabuild.evaluate import norms

    write_atomic(path, norms.picture(found["file"], found["type"], found["blocks"]))


def may_draw(path: Path, *, replace: bool) -> None:
    """Raise ``ProjectError`` for a picture that is no .png, or that is there already."""
    if path.suffix.lower() != ".png":
        raise ProjectError(f"`--picture {path}` is no .png file", next_step=f"write `--picture {path.stem}.png`")
    free(path, replace=replace)


def reworked(path: Path, out: Path, step: Finish, *, replace: bool = False) -> dict[str, Any]:
    """One step of ``finish:`` on a file; what it was and what it became. Raises ``ProjectError``."""
    from lorabuild.networks import finish, resize
    from lorabuild.publish import reworked as files

    _may_write(out, [path], replace=replace)
    state, metadata = files.opened(path)
    if step.cut is not None:
        _refuse_uncut(path, metadata, step.cut)
    with _at(path):
        made = finish.finished(state, [step])
        kept = resize.kept(state, made) if step.resize else None
        return _written(out, state, made, metadata, finish.said([step]), kept)


def merged(
    files: Sequence[tuple[Path, float]], out: Path, smaller: Finish | None, *, replace: bool = False
) -> dict[str, Any]:
    """Several files at their weights in one, with the first one's header; then made ``smaller`` where that is said."""
    from lorabuild.networks import finish, merging, resize
    from lorabuild.publish import reworked as held
    from lorabuild.schema.finish import step

    _may_write(out, [path for path, _ in files], replace=replace)
    done = [step("merge", [{"file": str(path), "weight": weight} for path, weight in files])]
    opened = [(held.opened(path), weight) for path, weight in files]
    with _at(*(path for path, _ in files)):
        made = whole = merging.merged([(state, weight) for (state, _), weight in opened])
        if smaller:
            made = finish.finished(whole, [smaller])
            done += [smaller]
    (state, metadata), _ = opened[0]
    words = [word for (_, other), _ in opened for word in triggers(other)]
    if words:
        metadata = metadata | {"lorabuild.triggers": json.dumps([*dict.fromkeys(words)], ensure_ascii=False)}
    return _written(out, state, made, metadata, finish.said(done), resize.kept(whole, made) if smaller else None)


def extracted(
    base: Path, tuned: Path, out: Path, limits: Finish, *, family: str, parts: str, replace: bool = False
) -> dict[str, Any]:
    """What a tuned checkpoint learned since its base, as a LoRA.

    Args:
        base: a diffusers folder or a single file.
        tuned: likewise, of the same family.
        out: the file to write.
        limits: its ranks, as ``resize``; without ``conv_dim`` convolutions are left alone.
        family: a word of ``base.family``.
        parts: ``both``, ``unet`` or ``text_encoder``.
        replace: whether ``out`` may be there.
    """
    from lorabuild.networks import extract, inspect, resize
    from lorabuild.networks.spectrum import Limits
    from lorabuild.schema.families import FACTS

    said = limits.resize
    assert said is not None
    _may_write(out, [base, tuned], replace=replace)
    made: dict[str, Tensor] = {}
    missing: list[tuple[str, float, float]] = []
    for part in _parts(parts):  # one part after the other: two whole models need not be in memory at once
        before, after = (_layers(path, family, part, convolutions=bool(said.conv_dim)) for path in (base, tuned))
        with _at(base, tuned):
            own = dict(extract.extracted(before, after, Limits(said.dim, said.conv_dim, said.energy, said.ratio)))
        missing += extract.missing(before, after, own)
        made |= own
    if not made:
        what, step = "the two models have the same weights: there is nothing to extract", "name base, then tuned model"
        raise ProjectError(what, where=f"{base}, {tuned}", next_step=step)
    conv = {"conv_dim": str(said.conv_dim), "conv_alpha": str(said.conv_dim)} if said.conv_dim else {}
    metadata = {
        "ss_base_model_version": FACTS[family].epsilon,
        "ss_v2": str(FACTS[family].v2),
        "ss_sd_model_name": base.name,
        "ss_network_module": "networks.lora",
        "ss_network_args": json.dumps(conv),
        "modelspec.architecture": FACTS[family].architecture,
        **{f"ss_network_{word}": text for word, text in inspect.ranks(made).items() if word in ("dim", "alpha")},
    }
    done = {"extract": {"base": base.name, "tuned": tuned.name, **said.model_dump(exclude_none=True)}}
    return _written(out, {}, made, metadata, [done], resize.left(missing))


def _parts(word: str) -> list[str]:
    from lorabuild.models import family

    return list(family.TRAINED[word])


def _layers(path: Path, family: str, part: str, *, convolutions: bool) -> Any:
    """The layers of one part of a model, in float32 on the CPU; none where the family lacks the part."""
    from lorabuild.models import device as devices
    from lorabuild.models import family as families
    from lorabuild.models import source
    from lorabuild.schema.base import Base
    from lorabuild.schema.device import Device
    from lorabuild.schema.project import Project
    from lorabuild.schema.site import Site

    if part not in source.PARTS[family]:
        return {}
    base = Base.model_validate({"model": str(path.absolute()), "family": family})
    site = Site(Project(name="extract", base=base), path.absolute().parent, {})
    try:
        located = source.locate(site)
    except ProjectError as error:
        what, step = error.what.replace("base.family", "--family"), error.next_step.replace("family: ", "--family ")
        raise ProjectError(what, where=str(path), next_step=step) from error
    with devices.apart():
        device = devices.pick(Device(type="cpu"))
        model = families.load(located, base, [part], device, devices.drawing(device))
    return model.layers([part], convolutions=convolutions)


def _refuse_uncut(path: Path, metadata: Mapping[str, str], dim: int) -> None:
    """Only the ranks of a DyLoRA stand in an order; it is exact at multiples of its unit."""
    arguments = _read(metadata, "ss_network_args")
    unit = arguments.get("unit") if isinstance(arguments, dict) else None
    if "dylora" not in metadata.get("ss_network_module", "") and unit is None:
        what = f"{path.name} doesn't say that it is a DyLoRA: the ranks of others have no order"
        raise ProjectError(what, where=str(path), next_step=f"`lorabuild lora resize --dim {dim}` makes it smaller")
    if unit and str(unit).isdigit() and int(unit) and dim % int(unit):
        what = f"{path.name} was trained in units of {unit}: {dim} is no multiple of that"
        near = max(int(unit), round(dim / int(unit)) * int(unit))
        raise ProjectError(what, where=str(path), next_step=f"write `--dim {near}`")


def _may_write(out: Path, inputs: Sequence[Path], *, replace: bool) -> None:
    if out.suffix.lower() != ".safetensors":
        raise ProjectError(f"`-o {out}` is no .safetensors file", next_step=f"write `-o {out.stem}.safetensors`")
    if missing := next((path for path in inputs if not path.exists()), None):
        raise ProjectError(f"there is no `{missing}`", where="command line", next_step="name a file that is there")
    free(out, replace=replace)


def _written(
    out: Path,
    before: Mapping[str, Tensor],
    made: Mapping[str, Tensor],
    metadata: Mapping[str, str],
    done: list[dict[str, Any]],
    kept: Kept | None,
) -> dict[str, Any]:
    """Write a file with a true header; says what it was and what it became, and what is left of it."""
    from lorabuild.networks import inspect
    from lorabuild.publish import reworked

    was, now = inspect.about(before or made), inspect.about(made)
    data = reworked.written(made, reworked.corrected(metadata, was, now, done))
    out.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(out, data)
    told = {"file": str(out), "bytes": len(data), "before": was if before else {}, "after": now, "done": done}
    return told | {"dims": inspect.dims(made), "kept": kept._asdict() if kept else None}


@contextmanager
def _at(*paths: Path) -> Iterator[None]:
    """What is wrong with a layer is said with the files that it is of."""
    try:
        yield
    except ProjectError as error:
        where = ": ".join(filter(None, [", ".join(map(str, paths)), error.where]))
        raise ProjectError(error.what, where=where, next_step=error.next_step) from error
