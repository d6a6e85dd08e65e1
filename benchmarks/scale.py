"""How the engine grows with the number of images: scan, prepare, caption with tags beside the images, balance, plan.

    PYTHONPATH=. python benchmarks/scale.py [--images 12500 25000 50000 100000]

For every size: a project from ``many.py`` (two files an image), built from nothing up to ``balance``; then a plan that
takes over what the build knew, a plan that looks at everything (its index is removed), and a build with one image
changed. CPU seconds of whole processes and their peak memory. Goal: linear, and at most 1 GB at 100,000 images.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, os.fspath(Path(__file__).parent))

import many

PACKAGE = Path(__file__).resolve().parent.parent
SETTLED = ".lorabuild/settled.idx"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, nargs="+", default=[12_500, 25_000, 50_000, 100_000])
    wishes = parser.parse_args()
    names = ("build from nothing", "plan", "plan, all looked at", "build, one changed")
    print(f"| images | {' | '.join(f'{name}: CPU s | MB' for name in names)} |")
    print("|---" * (1 + 2 * len(names)) + "|")
    for images in wishes.images:
        with tempfile.TemporaryDirectory() as folder:
            print(f"| {images:,} | {' | '.join(row(many.make(Path(folder) / 'project', images)))} |", flush=True)


def row(root: Path) -> list[str]:
    """The figures of one project."""
    time.sleep(0.1)
    figures = [run(root, "build", "balance"), run(root, "plan", "balance")]
    (root / SETTLED).unlink()
    figures.append(run(root, "plan", "balance"))
    run(root, "build", "balance", "--rehash")
    changed = many.path(root, 7)
    changed.write_bytes(many.png(2**31))
    time.sleep(0.3)
    figures.append(run(root, "build", "balance"))
    return [f"{seconds:.2f} | {memory:.0f}" for seconds, memory in figures]


def run(root: Path, *words: str) -> tuple[float, float]:
    """CPU seconds and peak memory in MB of a command in a process of its own."""
    command = [sys.executable, "-m", "lorabuild", "-C", os.fspath(root), *words, "-q"]
    environ = {**os.environ, "PYTHONPATH": os.fspath(PACKAGE), "OMP_NUM_THREADS": "1"}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed lorabuild is compiled
    with subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 3):
        raise SystemExit(f"{' '.join(words)} ended with {process.returncode}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


if __name__ == "__main__":
    main()
