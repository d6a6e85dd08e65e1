"""A LoRA file, what it became, and what its blocks do, in lines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lorabuild.cli.lines import counted, cut, near
from lorabuild.core.amounts import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

VARIES = "Dynamic"
"""What a header says of a rank that isn't the same in all layers."""

WIDTH, BAR, MOST = 100, 40, 3
PARTS = {"unet": "U-Net", "text_encoder": "text encoder", "text_encoder_2": "second text encoder"}
EIGHTHS = " ▏▎▍▌▋▊▉"


def file(found: Mapping[str, Any], *, most: int, every: bool) -> Iterator[str]:
    """What ``lora inspect`` prints: the file, its ranks, a bar a block, its words; ``every``: the whole header."""
    kinds = ", ".join(found["precision"])
    yield f"{found['file']}: {found['type']}, {counted(found['layers'], 'layer')}, {kinds}, {shown(found['bytes'])}"
    parts = ", ".join(f"{PARTS.get(part, part)} {count}" for part, count in found["parts"].items())
    yield from _row("layers", parts)
    yield from _row("ranks", _ranks(found["dims"]))
    yield from _row("base", _base(found["metadata"]))
    yield from _row("triggers", ", ".join(found["triggers"]))
    yield from _row("tags", ", ".join(f"{tag} {count}" for tag, count in found["tags"][:most]))
    yield from _row("since", "; ".join(map(step, found["history"])))
    yield from _row("unknown", ", ".join(found["unknown"][:3]))
    yield ""
    yield "  block   norm of the change"
    yield from _bars([(row["block"], row["norm"], f"{row['norm']:.4g}", row["layers"]) for row in found["blocks"]])
    if every:
        yield ""
        yield from (cut(f"  {word}: {text}", WIDTH) for word, text in sorted(found["metadata"].items()))


def _row(label: str, text: str) -> list[str]:
    return [cut(f"  {label:<9} {text}", WIDTH)] if text else []


def _ranks(dims: Sequence[Mapping[str, Any]]) -> str:
    """``16 (alpha 8) in 192 layers, 8 (alpha 4) in 30 layers``, or ``2 to 12, most often 3 (alpha 3)``."""
    known = [row for row in dims if row["dim"]]
    if len(known) <= MOST:
        return ", ".join(f"{_rank(row)} in {counted(row['layers'], 'layer')}" for row in known)
    low, high = (end(row["dim"] for row in known) for end in (min, max))
    return f"{low} to {high}, most often {_rank(known[0])}, in {counted(sum(row['layers'] for row in known), 'layer')}"


def _rank(row: Mapping[str, Any]) -> str:
    return f"{row['dim']}" if row["alpha"] is None else f"{row['dim']} (alpha {row['alpha']:g})"


def _base(metadata: Mapping[str, str]) -> str:
    words = [metadata.get(word, "") for word in ("ss_base_model_version", "ss_sd_model_name")]
    return ", ".join(word for word in words if word and word != "None")


def _bars(rows: Sequence[tuple[str, float, str, int]]) -> Iterator[str]:
    """``OUT05  ██████▌    1.23  16 layers``."""
    most = max((value for _, value, _, _ in rows), default=0) or 1
    for name, value, text, layers in rows:
        yield f"  {name:<6}  {bar(value / most):<{BAR}} {text:>8}  {counted(layers, 'layer')}"


def bar(share: float, wide: int = BAR) -> str:
    """A bar of eighths of a letter, full at 1."""
    whole, part = divmod(round(min(1.0, max(0.0, share)) * wide * 8), 8)
    return ("█" * whole + EIGHTHS[part]).rstrip()


def step(done: Mapping[str, Any]) -> str:
    """``resize dim 8``, ``rebase from 0.5, to 1``: a step of the history."""
    word, value = next(iter(done.items()))
    if isinstance(value, dict):
        value = ", ".join(f"{name} {_number(one)}" for name, one in value.items())
    elif isinstance(value, list):
        value = ", ".join(f"{one.get('file')} at {_number(one.get('weight', 1))}" for one in value)
    return f"{word} {value}"


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, (int, float)) else str(value)


def became(found: Mapping[str, Any]) -> Iterator[str]:
    """What a file is now, what it was, and how much of that is left."""
    yield f"{found['file']}: {_told(found['after'])}, {shown(found['bytes'])}"
    if VARIES in found["after"].values():
        yield f"  ranks: {_ranks(found['dims'])}"
    if found["before"]:
        yield f"  before: {_told(found['before'])}"
    if kept := found["kept"]:
        least = f" {kept['share']:.2%} of the change; the least is {kept['least']:.1%}, of {kept['layer']}"
        yield "  keeps" + (least if kept["layer"] else " all of the change")


def _told(about: Mapping[str, str]) -> str:
    """``LoCon, dim 16, alpha 8, conv dim 8, conv alpha 4``."""
    known = [(word, text) for word, text in about.items() if word != "type" and text != "None"]
    numbers = [(word.replace("_", " "), "varies" if text == VARIES else f"{float(text):g}") for word, text in known]
    return ", ".join([about["type"], *(f"{word} {text}" for word, text in numbers)])


def blocks(found: Mapping[str, Any]) -> Iterator[str]:
    """Two bars a block: what it does alone, and what is lost without it."""
    yield f"epoch {found['epoch']}, weight {found['weight']:g}, {counted(len(found['prompts']), 'prompt')}"
    yield "shares of what the whole LoRA moves in a picture: each block alone, and what moves without it"
    yield ""
    yield f"  {'block':<6}  {'alone':<26} {'without':<26}"
    for row in found["blocks"]:
        alone, without = (f"{bar(row[word], 18):<18} {row[word]:>5.0%}" for word in ("alone", "without"))
        yield f"  {row['block']:<6}  {alone:<26} {without:<26}".rstrip()
    yield ""
    yield f"grid: {near(Path(found['picture']))}"
    if not found["suggested"]:
        yield "every block does something: nothing to leave out"
        return
    names = ", ".join(f"{block}: 0" for block in found["suggested"])
    yield f"suggested for the next training: `network: {{blocks: {{{names}}}}}`"
    yield f"without these blocks pictures move by {found['lost']:.0%} of what the LoRA does"
    done = f"written; the old text is {found['backup']}" if found["backup"] else "lora.yaml says so already"
    yield done if found["written"] else "`--write` writes it into lora.yaml"
