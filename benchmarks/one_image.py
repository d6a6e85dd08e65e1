"""What one changed image among very many costs: CPU of ``plan``, ``why`` and of a build up to ``text``.

    PYTHONPATH=. python benchmarks/one_image.py [--images 10000] [--runs 9] [--keep FOLDER]

The project (``many.py``) has one file an image and the example's tagger, base and VAE; it is built once up to ``text``,
which takes a few minutes. Then, in turn, one image is given other pixels, and the commands are run on it. All figures
are CPU seconds of whole processes, start included; from a build's the CPU time that was spent inside the stages (the
tagger, the VAE, decoding, and importing torch, onnxruntime, Pillow for them) is taken away: what is left is ours.
Goal: 0.25 s each at 10,000 images.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

sys.path.insert(0, os.fspath(Path(__file__).parent))

import many

if TYPE_CHECKING:
    from collections.abc import Callable

PACKAGE = Path(__file__).resolve().parent.parent
TAGGER = PACKAGE / "example_project" / "models" / "tagger"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--keep", type=Path, help="make the project here, or go on with the one that is here")
    parser.add_argument("--inside", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    wishes = parser.parse_args()
    if wishes.inside:
        measured(wishes.inside)
        return
    with tempfile.TemporaryDirectory() as folder:
        root = wishes.keep or Path(folder) / "project"
        if not root.exists():
            make(root, wishes.images)
        run(root, "build", "text", "-q")
        table(root, wishes.images, wishes.runs)


def make(root: Path, images: int) -> None:
    """The project without tags beside the images: the tagger gives them."""
    many.make(root, images)
    shutil.copytree(TAGGER, root / "tagger")
    for path in root.glob("dataset/**/*.tags"):
        path.unlink()
    settings = root / "lora.yaml"
    wd14 = "{type: wd14, model: tagger}"
    settings.write_text(settings.read_text("utf-8").replace("{type: sidecar, extension: .tags}", wd14), "utf-8")


def table(root: Path, images: int, runs: int) -> None:
    """Measure in turn, print a markdown table."""
    spent: dict[str, list[float]] = {}
    peak: dict[str, float] = {}
    for number in range(runs):
        changed = many.path(root, number * 31)
        changed.write_bytes(many.png(time.time_ns() % 2**32))
        time.sleep(0.3)  # a stamp must be a tick old before it is trusted
        for name, words in {
            "plan": ["plan", "text"],
            "why IMAGE": ["why", os.fspath(changed.relative_to(root))],
            "build text": ["build", "text", "-q"],
            "plan, nothing changed": ["plan", "text"],
        }.items():
            seconds, inside, megabytes = run(root, *words)
            spent.setdefault(name, []).append(seconds)
            peak[name] = max(peak.get(name, 0), megabytes)
            if inside:
                spent.setdefault("build text, ours", []).append(seconds - inside)
        spent.setdefault("python -c pass", []).append(bare())
    print(f"| {images} images, one changed | CPU s, median | least | most | peak MB |\n|---|---|---|---|---|")
    for name, values in spent.items():
        least, most, memory = min(values), max(values), peak.get(name)
        shown = f"{memory:.0f}" if memory else ""
        print(f"| {name} | {statistics.median(values):.3f} | {least:.3f} | {most:.3f} | {shown} |")


def run(root: Path, *words: str) -> tuple[float, float, float]:
    """CPU seconds of a command in a process of its own, those of them inside stages, and its peak memory in MB."""
    command = [sys.executable, __file__, "--inside", "-C", os.fspath(root), *words]
    environ = {**os.environ, "PYTHONPATH": os.fspath(PACKAGE), "OMP_NUM_THREADS": "1"}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed lorabuild is compiled
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        said, errors = process.communicate()
    if process.returncode not in (0, 3):
        raise SystemExit(errors)
    seconds, inside, memory = said.rsplit("measured ", 1)[1].split()
    return float(seconds), float(inside), float(memory)


def bare() -> float:
    """CPU seconds of an interpreter that does nothing."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measured(words: list[str]) -> None:
    """Run a command line in this process, and say what it spent."""
    inside: list[float] = []
    if "build" in words:
        from lorabuild.graph import build

        build.import_module = lambda name: timed(name, inside)  # type: ignore[assignment]
    from lorabuild.cli.main import main as command_line

    code = command_line(words)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print("measured", used.ru_utime + used.ru_stime, sum(inside), used.ru_maxrss / 1024, flush=True)
    os._exit(code)


def timed(name: str, inside: list[float]) -> SimpleNamespace:
    """A stage whose time is noted, with that of importing it."""
    begun = time.process_time()
    work: Callable[..., None] = import_module(name).run

    def timed_run(*given: object) -> None:
        work(*given)
        inside.append(time.process_time() - begun)

    return SimpleNamespace(run=timed_run)


if __name__ == "__main__":
    main()
