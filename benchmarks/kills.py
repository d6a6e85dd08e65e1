"""Kills builds at random instants, many times, and counts what was lost: the long form of test_random_kills.py.

    PYTHONPATH=. python benchmarks/kills.py [--light 500] [--example 8] [--seed 1] [--log kills.jsonl] [--work FOLDER]

Every run is a line of the log; started again with the same words, it goes on behind the last. It stops at the first run
that loses more than a batch or ends with other bytes than a build that was left alone.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [os.fspath(ROOT / "tests" / room) for room in ("whole", "graph", "")]

from kills import HEAVY, LIGHT, Example, Light  # noqa: E402 -- found beside the tests
from warm import Warm  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

POLITE = 15


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--light", type=int, default=500, help="runs of the light pipeline: pictures to balance")
    parser.add_argument("--example", type=int, default=8, help="runs of the whole example, as it is")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--log", type=Path, default=Path(tempfile.gettempdir(), "lorabuild-kills.jsonl"))
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir(), "lorabuild-kills"))
    wishes = parser.parse_args()
    os.nice(POLITE)
    log = Log(wishes.log)
    wishes.work.mkdir(parents=True, exist_ok=True)
    light(wishes, log)
    example(wishes, log)
    print("| what | builds | killed | in | done again at most | wall |")
    print("|---|---|---|---|---|---|")
    for what in ("light", "example"):
        print(row(what, log.lines(what)))


class Log:
    """JSON lines on the disk: what was run, and what it was compared with."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def lines(self, what: str) -> list[dict[str, Any]]:
        """The lines of one kind, oldest first."""
        text = self.path.read_text("utf-8") if self.path.exists() else ""
        held = [json.loads(line) for line in text.splitlines()]
        return [line for line in held if line["what"] == what]

    def add(self, what: str, line: dict[str, Any]) -> None:
        """One more line, at once."""
        with self.path.open("a", encoding="utf-8") as file:
            print(json.dumps({"what": what} | line), file=file, flush=True)


def light(wishes: argparse.Namespace, log: Log) -> None:
    if len(log.lines("light")) >= wishes.light:
        return
    with Warm(*LIGHT) as warm:
        builds = Light(wishes.work / "light", warm, wishes.seed)
        timed(log, "light", wishes.light, builds.run)
        builds.finish()


def example(wishes: argparse.Namespace, log: Log) -> None:
    if len(log.lines("example")) >= wishes.example:
        return
    with Warm(*HEAVY) as warm:
        builds = Example(wishes.work, warm, wishes.seed)
        if held := log.lines("reference"):
            builds.seconds, builds.right = held[-1]["seconds"], held[-1]["right"]
        else:
            builds.reference()
            log.add("reference", {"seconds": builds.seconds, "right": builds.right})
        timed(log, "example", wishes.example, lambda number: builds.run(number, of=wishes.example))


def timed(log: Log, what: str, runs: int, run: Callable[[int], dict[str, Any]]) -> None:
    for number in range(len(log.lines(what)), runs):
        begun = time.monotonic()
        line = run(number)
        log.add(what, line | {"wall": time.monotonic() - begun})


def row(what: str, lines: list[dict[str, Any]]) -> str:
    killed = [line for line in lines if line["killed"]]
    places = collections.Counter(line["in"][0] if line["in"] else "begin" for line in killed)
    where = ", ".join(f"{stage} {count}×" for stage, count in places.most_common())
    again = max((line.get("again", 0) for line in lines), default=0)
    wall = sum(line["wall"] for line in lines)
    said = f"{again} items" if what == "light" else "–"
    return f"| {what} | {len(lines)} | {len(killed)} | {where} | {said} | {wall / 60:.0f} min |"


if __name__ == "__main__":
    main()
