"""``lorabuild lora blocks``: what each block of the trained LoRA does, and which the next training may leave out.

A block is drawn alone and left out. Both are measured in shares of what the whole LoRA moves in a picture of the same
seed; a block that does nearly nothing either way is put to 0, as long as the picture without all of these stays close.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING, Any

from lorabuild.core.errors import ProjectError
from lorabuild.core.files import write_atomic
from lorabuild.graph.drawing import Shot, epoch_name
from lorabuild.graph.drawn import drawn
from lorabuild.graph.products import chosen
from lorabuild.schema.blocks import block_of, ids, size_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lorabuild.core.events import Emit
    from lorabuild.graph.view import View

WORD = ("network", "blocks")
LITTLE = 0.1
"""A block that moves less than this share of what the strongest one moves does nearly nothing."""
CLOSE = 0.25
"""So much of what the whole LoRA moves may be lost without the blocks that are left out."""
CELL = 256
"""Most pixels of a picture in the grid."""


@dataclass(frozen=True, slots=True)
class Effects:
    """What was measured.

    Attributes:
        epoch: of the LoRA.
        weight: its strength.
        whole: how far the whole LoRA moves a picture, 0 to 1.
        alone: block → how far it moves a picture by itself, as a share of that.
        without: block → how far a picture moves when only it is left out, as a share of that.
        quiet: blocks that may be left out.
        lost: how far a picture moves without all of these, as a share.
        prompts: what was drawn.
        pictures: for each prompt those without and with the LoRA, then of each block alone, then without each.
    """

    epoch: int
    weight: float
    whole: float
    alone: dict[str, float]
    without: dict[str, float]
    quiet: tuple[str, ...]
    lost: float
    prompts: tuple[str, ...]
    pictures: tuple[tuple[bytes, ...], ...]

    def as_dict(self) -> dict[str, Any]:
        """What ``lora blocks --json`` prints."""
        rows = [
            {"block": block, "alone": round(self.alone[block], 4), "without": round(self.without[block], 4)}
            for block in self.alone
        ]
        return {
            "epoch": self.epoch,
            "weight": self.weight,
            "prompts": list(self.prompts),
            "whole": round(self.whole, 4),
            "blocks": rows,
            "suggested": dict.fromkeys(self.quiet, 0),
            "lost": round(self.lost, 4),
        }


def measured(view: View, prompts: int, epoch: int | None, emit: Emit) -> Effects:
    """Draw and measure. Raises ``ProjectError`` before anything is trained, or without prompts."""
    firsts = _first(view, prompts, epoch)
    blocks = _blocks(view, firsts[0])
    ways = [{}, *(_only(block, blocks) for block in blocks), *({block: 0.0} for block in blocks)]
    shots = [
        shot
        for first in firsts
        for shot in (replace(first, lora=None, weight=0.0, epoch=0), *(replace(first, blocks=way) for way in ways))
    ]
    made, width = drawn(view, shots, emit), 2 + 2 * len(blocks)
    pictures = tuple(tuple(made[start : start + width]) for start in range(0, len(made), width))
    whole, alone, without = _moved(pictures, blocks)
    quiet, lost = _left_out(view, firsts, [row[1] for row in pictures], (whole, alone, without), emit)
    said = tuple(first.prompt for first in firsts)
    return Effects(firsts[0].epoch, firsts[0].weight, whole, alone, without, quiet, lost, said, pictures)


def _first(view: View, number: int, epoch: int | None) -> list[Shot]:
    """The first prompts of ``samples:`` as they are drawn there, with the whole LoRA on."""
    trained = view.made("train").get("train")
    if trained is None or trained.problem:
        raise ProjectError("nothing is trained yet", next_step="`lorabuild build train` trains it")
    epoch = epoch or chosen(view) or int(trained.facts["epochs"])
    lora = trained.outputs.get(epoch_name(epoch))
    if lora is None:
        raise ProjectError(f"there is no epoch {epoch}", where="command line", next_step="leave `--epoch` out")
    words = ("prompt", "negative", "seed", "steps", "cfg")
    planned = [made.reads for made in view.step("sample").items]
    weight = max((float(reads["weight"]) for reads in planned if "finished" not in reads), default=1.0)
    found = {
        reads["prompt"]: Shot(
            **{word: reads[word] for word in words},
            size=tuple(reads["size"]),
            sampler=reads.get("sampler", ""),
            lora=lora,
            weight=weight,
            epoch=epoch,
        )
        for reads in reversed(planned)
        if not reads["epoch"]
    }
    if not found:
        raise ProjectError("there is no prompt to draw", where="samples.prompts", next_step="write one")
    return [*reversed(found.values())][: max(1, number)]


def _blocks(view: View, shot: Shot) -> list[str]:
    """The blocks that the LoRA has layers in."""
    from lorabuild.networks import stored
    from lorabuild.publish import reworked

    assert shot.lora is not None
    state, _ = reworked.parsed(view.store.read(shot.lora))
    layers = stored.layers(state)
    held = {block_of(layer) for layer in layers}
    return [block for block in ids(size_of(layers)) if block in held]


def _only(block: str, blocks: Sequence[str]) -> dict[str, float]:
    return {other: 0.0 for other in blocks if other != block}


def _moved(
    pictures: Sequence[Sequence[bytes]], blocks: Sequence[str]
) -> tuple[float, dict[str, float], dict[str, float]]:
    """How far all of it moves a picture, and as shares of that each block alone, and the loss of each."""
    from lorabuild.evaluate.apart import apart

    whole = fmean(apart(row[0], row[1]) for row in pictures)
    alone, without = (
        {
            block: fmean(apart(row[against], row[place]) for row in pictures) / (whole or 1)
            for place, block in enumerate(blocks, start)
        }
        for against, start in ((0, 2), (1, 2 + len(blocks)))
    )
    return whole, alone, without


def _left_out(
    view: View, firsts: Sequence[Shot], full: Sequence[bytes], found: tuple[float, Any, Any], emit: Emit
) -> tuple[tuple[str, ...], float]:
    """The blocks that do nearly nothing, fewer of them where pictures without them all move too far; and how far."""
    from lorabuild.evaluate.apart import apart

    whole, alone, without = found
    effect = {block: max(alone[block], without[block]) for block in alone}
    quiet = sorted(
        (block for block in effect if effect[block] < LITTLE * max(effect.values())), key=lambda block: effect[block]
    )
    while quiet:
        shots = [replace(first, blocks=dict.fromkeys(quiet, 0.0)) for first in firsts]
        lost = fmean(map(apart, full, drawn(view, shots, emit))) / (whole or 1)
        if lost <= CLOSE:
            return tuple(block for block in effect if block in quiet), lost
        quiet = quiet[: len(quiet) // 2]
    return (), 0.0


def laid_out(view: View, found: Effects, path: Path | None = None) -> Path:
    """The grid as a file: a row a block, for each prompt alone and left out; above them no block at all, and all."""
    from lorabuild.evaluate import grid
    from lorabuild.evaluate.apart import smaller

    small = [[smaller(picture, CELL) for picture in made] for made in found.pictures]
    heads = [f"{prompt}: {way}" for prompt in found.prompts for way in ("this block alone", "all but this block")]
    rows = ["none: without the LoRA, and all of it", *(_head(block, found) for block in found.alone)]
    count = len(found.alone)
    cells = [[picture for made in small for picture in (made[0], made[1])]]
    cells += [[picture for made in small for picture in (made[2 + at], made[2 + count + at])] for at in range(count)]
    place = path or view.store.folder / "blocks" / "blocks.png"
    place.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(place, grid.grid(rows, heads, cells))
    return place


def _head(block: str, found: Effects) -> str:
    return f"{block}: alone {found.alone[block]:.0%}, without it {found.without[block]:.0%}"


def written(file: Path, found: Effects) -> Path | None:
    """Write the suggestion into lora.yaml; where its old text is kept, None where it says so already.

    Raises ``ProjectError`` where ``network.blocks`` is written as a list or a name.
    """
    from lorabuild.schema.load import load
    from lorabuild.schema.rewrite import put
    from lorabuild.schema.save import save

    before = load(file).text
    text = said = before.decode("utf-8-sig")
    for block in found.quiet:
        text = put(text, (*WORD, block), 0)
    return save(file, before, text) if text != said else None
