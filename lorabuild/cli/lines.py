"""What happens in a build, in plain words: shared by the log, the terminal and ``plan``."""

from __future__ import annotations

import sys
from pathlib import Path
from shutil import get_terminal_size
from textwrap import TextWrapper
from typing import TYPE_CHECKING, Any

from lorabuild.core.trouble import printable
from lorabuild.core.words import names
from lorabuild.graph.status import up_to_date

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lorabuild.schema.project import Project

MOST_REASON = 160
COLUMNS = ("concept", "images", "repeats", "per epoch", "budgeted")


def reason(reasons: Sequence[dict[str, str]]) -> str:
    """The commonest reasons of a stage in one line; a single item is named."""
    if len(reasons) == 1 and not reasons[0]["why"].startswith("new") and "." in reasons[0]["item"]:
        return cut(printable(f"{reasons[0]['item']}: {reasons[0]['why']}"))
    counts: dict[str, int] = {}
    for entry in reasons:
        counts[entry["why"]] = counts.get(entry["why"], 0) + 1
    if len(counts) == 1:
        return cut(next(iter(counts)))
    named = [f"{why} ({count}×)" for why, count in sorted(counts.items(), key=lambda row: -row[1])]
    return cut("; ".join(named[:2]) + (f"; and {counted(len(named) - 2, 'other reason')}" if len(named) > 2 else ""))


def cut(text: str, most: int | None = MOST_REASON) -> str:
    """A text that fits; None means that there is no limit."""
    return text if most is None or len(text) <= most else f"{text[: most - 1]}…"


def counted(number: int, noun: str) -> str:
    """``1 epoch``, ``2 epochs``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def progress(data: dict[str, Any]) -> str:
    """``120/400 steps, loss 0.0812, 2 min 40 s left, 3.1 a second``: what matters most comes first."""
    parts = [f"{data['done']}/{data['total']} {data.get('unit', '')}".rstrip()]
    if (loss := data.get("loss_mean", data.get("loss"))) is not None:
        parts.append(lost(loss))
    if (left := data.get("left")) is not None and data["done"] < data["total"]:
        parts.append(f"{span(left)} left")
    if rate := data.get("rate"):
        parts.append(f"{rate:.1f} a second" if rate >= 1 else f"{span(1 / rate)} each")
    return ", ".join(parts)


def lost(loss: float) -> str:
    """``loss 0.0812``; ``loss 3.1e-05`` where four places say nothing, as in a slider."""
    return f"loss {loss:.4f}" if loss >= 0.001 or not loss else f"loss {loss:.1e}"


def outcome(data: dict[str, Any]) -> str:
    """``3 done, 17 reused``; ``done`` for a stage that makes one thing; ``up to date``."""
    ran, reused = data["ran"], data["reused"]
    if not ran:
        return "up to date"
    return "done" if ran + reused == 1 else f"{ran} done" + (f", {reused} reused" if reused else "")


def has_items(data: dict[str, Any]) -> bool:
    """Whether a stage is about anything in this project: a slider has no images to tag."""
    return bool(data["ran"] or data["reused"])


def took(seconds: float) -> str:
    """How long something took, where that is worth saying."""
    return span(seconds) if seconds >= 0.1 else ""


def table_lines(data: dict[str, Any]) -> list[str]:
    """Repeats, exposure and steps as text; of a slider its targets and steps."""
    if data.get("targets"):
        return [*target_lines(data["targets"]), f"  {steps(data)}"]
    width = max([7, *(len(row["name"]) for row in data["concepts"])])
    rows = [
        (row["name"], row["images"], row["repeats"], row["per_epoch"], f"{row['share']:.1f}")
        for row in data["concepts"]
    ]
    lines = [
        f"  {name:<{width}}  {images:>6}  {repeats:>7}  {epoch:>9}  {share:>8}"
        for name, images, repeats, epoch, share in [COLUMNS, *rows]
    ]
    lines += [f"  {line}" for row in data["concepts"] for line in apart(row)]
    return [*lines, *(f"  {exposure(row)}" for row in data["triggers"]), f"  {steps(data)}"]


def apart(row: dict[str, Any]) -> list[str]:
    """What a concept's line doesn't say: images with repeats of their own, and those in several resolutions."""
    lines = []
    if row.get("pictures"):
        images = counted(row["images"], "image")
        lines.append(f"{row['name']}: {images} in several resolutions, {row['pictures']} in all: each is repeated")
    for some in row.get("apart", ()):
        why = "as said" if some["fixed"] else f"by weight {some['weight']:g}"
        lines.append(f"{row['name']}: {some['images']} of {counted(row['images'], 'image')} × {some['repeats']}, {why}")
    return lines


def bucket_lines(data: dict[str, Any]) -> list[str]:
    """How the images fall into the buckets, and what sticks out of these; nothing where they are all of one size."""
    rows, few = data.get("buckets", ()), data.get("few")
    if len(rows) < 2 and not few:
        return []
    several = any("resolution" in row for row in rows)
    lines = [f"  {'bucket':<9}  {'images':>6}  {'cropped':>7}  {'enlarged':>8}{'  resolution' * several}"]
    for row in rows:
        name, share = "x".join(map(str, row["size"])), f"{100 * row['cropped']:.1f} %"
        side = f"  {row['resolution']:>10}" if several else ""
        lines.append(f"  {name:<9}  {row['images']:>6}  {share:>7}  {row['enlarged']:>8}{side}")
    if few:
        shares = f"{100 * few['cropped']:.1f} % of the pictures is cropped, {100 * few['of_all']:.1f} % with all"
        lines.append(f"  {len(rows)} of {few['sizes']} sizes: {shares}")
    return lines


def target_lines(targets: Sequence[dict[str, Any]]) -> list[str]:
    """What a slider moves: ``1girl: strength 1 leads to “1girl, smile”, -1 to “1girl, frown”; 50 looks an epoch``."""
    return [
        f"  {row['name']}: {led(row)} (guidance {row['guidance']:g}); {counted(row['per_epoch'], 'look')} an epoch"
        for row in targets
    ]


def led(row: dict[str, Any]) -> str:
    """Where a target's strengths lead."""
    positive, negative = (f"“{row[word]}”" if row[word] else "the empty prompt" for word in ("positive", "negative"))
    ways = (positive, negative) if row["action"] == "enhance" else (negative, positive)
    return "strength 1 leads to {}, -1 to {}".format(*ways)


def exposure(row: dict[str, Any]) -> str:
    """How often a trigger is seen."""
    return f"{row['name']} is seen {row['per_epoch']} times an epoch, {row['total']} in all"


def absorbing(row: dict[str, Any]) -> str:
    """What a trigger replaces in captions: ``zorbl (character) absorbs @eyes, @hair; keeps closed_eyes``."""
    level = "" if row["level"] == "semi-static" else f", {row['level']}"
    keeps = f"; keeps {', '.join(row['keeps'])}" if row["keeps"] and row["absorbs"] else ""
    return f"{row['name']} ({row['kind']}{level}) absorbs {', '.join(row['absorbs']) or 'nothing'}{keeps}"


def steps(data: dict[str, Any]) -> str:
    """The length of the training."""
    count = data["steps"]
    prior = data.get("regularization_per_epoch", 0) * count["epochs"]
    looks = "look" if data.get("targets") else "image step"
    halves = f" ({count['image'] - prior} training, {prior} regularization)" if prior else ""
    updates, epochs = counted(count["optimizer"], "optimizer step"), counted(count["epochs"], "epoch")
    return f"{counted(count['image'], looks)}{halves} = {updates} in {epochs}"


def warning(data: dict[str, Any]) -> str:
    """A warning with the code by which it can be talked about."""
    return f"{warned(data)} [{data['code']}]"


def warned(data: dict[str, Any]) -> str:
    """What a warning is about, and what it says."""
    item, variant = data.get("item", ""), data.get("variant")
    about = "" if names(data["text"], item) else f"{item}: "
    return printable(f"{variant}: " * bool(variant) + about + data["text"])


def set_aside(data: dict[str, Any]) -> str:
    """An image that is left out, and why."""
    return printable(f"{data['item']} – {data['problem']}")


def closing(data: dict[str, Any], project: Project, folder: Path) -> list[str]:
    """The last lines: what came out and where to look, seen from where the person stands.

    Args:
        data: of the ``done`` event.
        project: the settings.
        folder: the project's folder as the person named it.
    """
    left = len(data.get("aside", []))
    if not any(counts["ran"] for counts in data["stages"].values()):
        return [up_to_date(project.name, left)]
    files = [entry["path"] for entry in data["outputs"]]
    up_to = "" if files else f" up to {list(data['stages'])[-1]}"
    lines = [f"built{up_to} in {span(data['seconds'])}" + (f", {counted(left, 'file')} set aside" if left else "")]
    lines += [f"  the LoRA    {folder / path}" for path in files if path.endswith(".safetensors")]
    return lines + [f"  look at it  {folder / path}" for path in files if path.endswith(".html")]


def span(seconds: float) -> str:
    """``0.4 s``, ``12 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 89.5:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def fitted(text: Iterable[str], hang: int = 2) -> list[str]:
    """Lines for stdout: on a terminal long ones are broken between words, and go on ``hang`` columns further in."""
    if not sys.stdout.isatty():
        return list(text)
    wrapper, found = TextWrapper(get_terminal_size().columns, break_long_words=False, break_on_hyphens=False), []
    for line in text:
        wrapper.subsequent_indent = " " * (len(line) - len(line.lstrip()) + hang)
        found += wrapper.wrap(line) if len(line) > wrapper.width else [line]
    return found


def near(path: Path) -> str:
    """A path as it is written from here."""
    path, here = path.absolute(), Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
