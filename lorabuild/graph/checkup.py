"""What ``doctor`` says of the machine: versions, devices, room on the disks, the ways of the file system."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lorabuild import __version__
from lorabuild.core.amounts import shown
from lorabuild.core.machine import FileSystem, file_system, memory, processor, room, watch_limits
from lorabuild.core.requirements import Wanted, wanted

if TYPE_CHECKING:
    from collections.abc import Iterator

Level = Literal["ok", "note", "problem"]
TOO_LITTLE, LITTLE = 200 * 10**6, 5 * 10**9  # bytes of room: nothing can be built; a training may not fit
COARSE, APART = 1.0, 60.0  # seconds: a file system's clock that steps this wide; one that is this far off
WATCHES = 8192
PATIENCE = 180.0  # seconds for torch to load on a slow disk
GPU_SIGNS = ("/dev/nvidia0", "/proc/driver/nvidia/version")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: where, how it is, in a person's words, and the next step where there is one."""

    about: str
    level: Level
    text: str
    next_step: str = ""


def machine(project: Path, store: Path, seen: dict[str, Any]) -> Iterator[Finding]:
    """All that can be said without a project.

    Args:
        project: the folder where one is or may be.
        store: the folder that results are kept in, there already or not.
        seen: what torch finds, see ``seen_by_torch``.
    """
    yield from _versions()
    yield from _devices(seen)
    yield from _disks(project)
    yield from _files(store if store.is_dir() else project)


def _versions() -> Iterator[Finding]:
    yield Finding("versions", "ok", f"lorabuild {__version__}, Python {platform.python_version()}")
    libraries = wanted()
    if not libraries:
        yield Finding("versions", "note", "what lorabuild asks for isn't known: it isn't installed as a package")
    for one in libraries:
        if not one.fits and (one.installed or not one.extra):
            yield _misfit(one)
    fitting = [f"{one.name} {one.installed}" for one in libraries if one.fits]
    if fitting:
        yield Finding("versions", "ok", ", ".join(fitting))
    if absent := [f"{one.name} ({one.extra})" for one in libraries if one.extra and not one.installed]:
        yield Finding("versions", "ok", f"not installed, and only needed for an extra: {', '.join(absent)}")


def _misfit(one: Wanted) -> Finding:
    extra = f"[{one.extra}]" if one.extra else ""
    step = f"pip install --upgrade 'lorabuild{extra}', or pip install '{one.name}{one.asked}'"
    if one.installed is None:
        return Finding("versions", "problem", f"{one.name} is not installed ({one.asked} is asked for)", step)
    return Finding("versions", "note", f"{one.name} {one.installed} is installed, {one.asked} is asked for", step)


def seen_by_torch() -> dict[str, Any]:
    """What torch finds, asked in another process; with ``problem`` and ``step`` when it can't be asked."""
    command = [sys.executable, "-m", "lorabuild.models.survey"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)  # noqa: S603
    except subprocess.TimeoutExpired:
        return {"problem": f"torch did not load in {PATIENCE:.0f} s", "step": "look at the disk that it lies on"}
    if done.returncode == 0:
        return dict(json.loads(done.stdout.splitlines()[-1]))
    said = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
    return {"problem": f"torch can't be loaded: {said[-1]}", "step": "install the torch build for this machine anew"}


def _devices(seen: dict[str, Any]) -> Iterator[Finding]:
    held = memory()
    yield Finding("devices", "ok", processor() + (f", {shown(held)} of memory" if held else ""))
    if "problem" in seen:
        yield Finding("devices", "problem", seen["problem"], seen["step"])
        return
    for device in seen["devices"]:
        free = f"{shown(device['free'])} of {shown(device['total'])} free"
        yield Finding("devices", "ok", f"{device['kind']}: {device['name']}, {free}")
    if not seen["devices"] and any(Path(sign).exists() for sign in GPU_SIGNS):
        built = f"for CUDA {seen['cuda']}" if seen["cuda"] else "without CUDA"
        text = f"there is an NVIDIA GPU, and torch {seen['torch']}, built {built}, can't use it"
        yield Finding("devices", "note", text, "install the torch build for your driver's CUDA")
    elif not seen["devices"]:
        yield Finding("devices", "note", "torch finds no GPU: all is done on the processor, which takes long")


def _disks(root: Path) -> Iterator[Finding]:
    places = {"project": root, "temporary files": Path(tempfile.gettempdir()), "hub cache": _hub_cache()}
    disks: dict[int, list[str]] = {}
    free: dict[int, int] = {}
    for name, place in places.items():
        if place and (found := room(place)):
            disks.setdefault(found[1], []).append(name)
            free[found[1]] = found[0]
    for disk, names in disks.items():
        level: Level = "problem" if free[disk] < TOO_LITTLE else "note" if free[disk] < LITTLE else "ok"
        step = "" if level == "ok" else "free some space; `lorabuild gc` removes what nothing needs any more"
        yield Finding("disk", level, f"{shown(free[disk])} free for: {', '.join(names)}", step)


def _hub_cache() -> Path | None:
    try:
        from huggingface_hub.constants import HF_HUB_CACHE
    except ImportError:
        return None
    return Path(HF_HUB_CACHE)


def _files(place: Path) -> Iterator[Finding]:
    found = file_system(place)
    if found.problem:
        step = "make the folder writable for you, or copy the project to a disk that is"
        yield Finding("file system", "problem", f"nothing can be written in {place}: {found.problem}", step)
        return
    quirks = list(_quirks(found))
    width = f"{found.step:.0f} s" if found.step >= 1 else f"{found.step * 1e9:.0f} ns"
    if not quirks:
        yield Finding("file system", "ok", f"times in steps of {width}, locks hold, links can be made")
    yield from quirks
    if limits := watch_limits():
        watches, queue = limits
        step = "sysctl fs.inotify.max_user_watches=65536" if watches < WATCHES else ""
        text = f"{watches:,} folders can be watched, {queue:,} changes wait in the queue"
        yield Finding("file system", "note" if step else "ok", text, step)


def _quirks(found: FileSystem) -> Iterator[Finding]:
    def note(text: str, step: str = "") -> Finding:
        return Finding("file system", "note", text, step)

    if found.foreign:
        step = "keep the project on a disk of this machine; the images may lie elsewhere"
        yield note(f"these files are shared with another machine ({found.foreign}): slow, and locks may not hold", step)
    if not found.locks:
        step = "run one lorabuild at a time in this project, or move it to another disk"
        yield Finding("file system", "problem", "locks don't hold here: two builds at once would go unnoticed", step)
    if not found.syncs:
        yield note("files can't be synced: after a power failure the last results may be made again")
    if found.ignores_case:
        yield note("capitals in file names make no difference here; on other systems they do")
    if found.step >= COARSE:
        text = f"times come in steps of {found.step:.0f} s: files that have just changed are read again"
        yield note(text)
    if abs(found.ahead) > APART:
        way = "ahead of" if found.ahead > 0 else "behind"
        text = f"its clock is {abs(found.ahead):.0f} s {way} the computer's"
        yield note(text, "set the clocks; ages in `gc` and `history` are off until then")
    if not found.links or not found.hard_links:
        yield note("links can't be made here; lorabuild makes none")
