"""From saving an image to its latent: how long a watch takes on the example project, and whether its memory grows.

    PYTHONPATH=. python benchmarks/watch.py [--runs 9] [--rounds 20]

Copies the example project, builds it up to the training, starts ``lorabuild watch --json`` there, saves one image
again and again with other pixels, and reads what the watch says. The time runs from the end of the save to the event
that the image's latent is in the store. The first save is told apart: the libraries are loaded then.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
PICTURE = "dataset/cape/03.png"
ENVIRON = {**os.environ, "PYTHONPATH": os.fspath(ROOT)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=9, help="saves that are measured, after the first")
    parser.add_argument("--rounds", type=int, default=20, help="saves in all, for the memory")
    wishes = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "example"
        shutil.copytree(ROOT / "example_project", project, ignore=shutil.ignore_patterns(".lorabuild", "out", "make"))
        subprocess.run(command(project, "text", "-q"), env=ENVIRON, check=True)
        rounds, memory = watched(project, max(wishes.rounds, wishes.runs + 1))
    table(rounds[:1], rounds[1 : wishes.runs + 1])
    print(f"\nMemory of the process, MB: {memory[0]:.0f} before, {memory[1]:.0f} after the first rebuild, ", end="")
    print(f"{memory[2]:.0f} after the second, {memory[-1]:.0f} after {len(memory) - 1}.")


def command(project: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "lorabuild", "-C", os.fspath(project), *words]


@dataclass
class Round:
    """One save: seconds since its end until the change was taken up, a stage was done, all was done."""

    saved: float = field(default_factory=time.monotonic)
    when: dict[str, float] = field(default_factory=dict)

    def note(self, event: dict[str, Any]) -> bool:
        """Note an event; whether the round is over."""
        name = {"progress": event.get("stage"), "change": "change", "done": "done"}.get(event["event"])
        self.when[name or ""] = time.monotonic() - self.saved
        return event["event"] == "watch_idle"


def watched(project: Path, count: int) -> tuple[list[Round], list[float]]:
    """The rounds, and the memory in MB before the first and after each."""
    rounds, memory = list[Round](), list[float]()
    with subprocess.Popen(command(project, "watch", "--json"), env=ENVIRON, stdout=subprocess.PIPE, text=True) as watch:
        said = iter(watch.stdout or ())
        while json.loads(next(said))["event"] != "watch_idle":
            pass
        memory.append(resident(watch.pid))
        for number in range(count):
            repaint(project / PICTURE, number)
            rounds.append(Round())
            while not rounds[-1].note(json.loads(next(said))):
                pass
            assert "latents" in rounds[-1].when, "the latent was not made again"
            memory.append(resident(watch.pid))
        watch.terminate()
    return rounds, memory


def repaint(path: Path, number: int) -> None:
    """Save the picture with one square of another colour, as a person's program would."""
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    picture.paste((10 * number % 256, 90, 200), (0, 0, 8, 8))
    picture.save(path)


def resident(process: int) -> float:
    """Memory that a process holds, in MB."""
    text = Path(f"/proc/{process}/status").read_text("ascii")
    return int(text.partition("VmRSS:")[2].split()[0]) / 1024


def table(first: list[Round], rest: list[Round]) -> None:
    print("| seconds from the end of the save | first save | median | least | most |")
    print("|---|---|---|---|---|")
    rows = (
        ("until it is quiet and the build begins", lambda when: when["change"]),
        ("the build, until the latent is in the store", lambda when: when["latents"] - when["change"]),
        ("**the latent is in the store**", lambda when: when["latents"]),
        ("the build is done", lambda when: when["done"]),
    )
    for text, seconds in rows:
        begun, more = [seconds(one.when) for one in first], [seconds(one.when) for one in rest]
        figures = (begun[0], statistics.median(more), min(more), max(more))
        print(f"| {text} | " + " | ".join(f"{figure:.2f}" for figure in figures) + " |")


if __name__ == "__main__":
    main()
