"""Builds that are killed at random instants, and what must be true of them: shared with ``benchmarks/kills.py``.

An instant is drawn from a seed and the number of the run, so that a failure names all it takes to try it again.
"""

from __future__ import annotations

import hashlib
import random
import shutil
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import light
from lit import STAGES, TARGET, state

from lorabuild.core.batch import BATCH
from lorabuild.graph.session import viewing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from warm import Run, Warm

EXAMPLE = Path(__file__).parents[2] / "example_project"
LEFT_BEHIND = shutil.ignore_patterns("out", ".lorabuild", "make", "lora.lock", "lora.manifest.tsv")
ENGINE = ("lorabuild.graph.build", "lorabuild.graph.tasks", "lorabuild.images.pool", "lorabuild.images.decode")
LIGHT = (*ENGINE, *(f"lorabuild.stages.{stage}" for stage in STAGES))
HEAVY = (*LIGHT, "onnxruntime", "lorabuild.models.sd15", "lorabuild.training.loop", "lorabuild.training.device")
CROWD = 80
BEYOND = 1.1
"""Instants reach a little beyond the end of a build."""


def drawn(*what: object) -> random.Random:
    """Chance that is the same every time for the same seed, run and purpose."""
    return random.Random(" ".join(map(str, what)))


# ---- the light pipeline: pictures to balance, no torch


def crowd(root: Path) -> Path:
    """The light project with so many pictures that every stage commits several batches."""
    root.mkdir(parents=True)
    light.make(root)
    for number in range(CROWD):
        light.picture(root / f"data/plain/x{number:03}.png", (number * 2, 255 - number, number))
        (root / f"data/plain/x{number:03}.tags").write_text(f"1creature, tag{number % 7}", "utf-8")
    return root


def begun_anew(root: Path, _chance: random.Random) -> None:
    shutil.rmtree(root / ".lorabuild", ignore_errors=True)  # a build that was killed early has made none


def repainted(root: Path, chance: random.Random) -> None:
    for path in sorted(root.glob("data/plain/*.png"))[chance.randrange(2) :: 2]:
        light.picture(path, tuple(chance.randbytes(3)))


def retagged(root: Path, chance: random.Random) -> None:
    for path in sorted(root.glob("data/*/*.tags"))[chance.randrange(3) :: 3]:
        path.write_text(f"1creature, tag{chance.randrange(9)}", "utf-8")


def renamed(root: Path, chance: random.Random) -> None:
    number = chance.randrange(10**6)
    for path in sorted(root.glob("data/plain/*.*"))[::3]:
        path.rename(path.with_name(f"{number} {path.name}"[-40:]))


def fewer_and_more(root: Path, chance: random.Random) -> None:
    for path in chance.sample(sorted(root.glob("data/plain/*.png")), 9):
        path.unlink()
    for number in range(9):
        light.picture(root / f"data/plain/new{chance.randrange(10**6)}-{number}.png", tuple(chance.randbytes(3)))


def reworded(root: Path, chance: random.Random) -> None:
    background = f"#{chance.randbytes(3).hex()}"
    light.write(root, images={"resolution": 64, "background": background})


EDITS: tuple[Callable[[Path, random.Random], None], ...] = (
    begun_anew,
    begun_anew,
    repainted,
    retagged,
    renamed,
    fewer_and_more,
    reworded,
)


def batch(stage: str) -> int:
    """How many items the stage commits at once."""
    return getattr(import_module(f"lorabuild.stages.{stage}"), "BATCH", BATCH)


def losses(before: Run, after: Run) -> Iterator[tuple[str, int]]:
    """Stage → how many items the run ``after`` does again, though the killed run ``before`` had finished them."""
    asked = {event["stage"]: event["todo"] for event in after.events("stage")}
    for event in before.events("stage"):
        stage = event["stage"]
        done = [told["done"] for told in before.events("progress") if told["stage"] == stage]
        if stage in asked:
            yield stage, asked[stage] - (event["todo"] - max(done, default=0))


@dataclass
class Light:
    """One light project that is killed again and again, and edited now and then."""

    folder: Path
    warm: Warm
    seed: int
    seconds: float = 0.0
    before: Run | None = None
    edits: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.root = self.folder / "killed"
        if not self.root.exists():
            crowd(self.root)
        self.seconds = max(self._alone()[1].seconds for _ in range(2))

    def run(self, number: int) -> dict[str, Any]:
        """One more run; what a log says of it. Raises AssertionError when something is lost or wrong."""
        chance = drawn(self.seed, "light", number)
        after = chance.uniform(0, BEYOND * self.seconds)
        run = self.warm.build(self.root, TARGET, kill_after=after)
        lost = dict(losses(self.before, run)) if self.before else {}
        assert all(count <= batch(stage) for stage, count in lost.items()), lost
        self.before = run if run.killed else None
        if run.killed:
            with viewing(light.opened(self.root)) as view:  # a reader finds its way after any kill
                assert all(view.step(stage) for stage in STAGES)
        else:
            assert run.code == 0, run.text
            assert state(self.root) == self._alone()[0]
        edit = self._edited(chance) if not run.killed or chance.random() < 0.2 else ""
        stages = [event["stage"] for event in run.events("stage")]
        again = max([0, *lost.values()])
        return {"number": number, "after": after, "killed": run.killed, "in": stages[-1:], "again": again, "edit": edit}

    def finish(self) -> None:
        """Left alone at last, it is as if it had always been."""
        run = self.warm.build(self.root, TARGET)
        assert run.code == 0, run.text
        assert state(self.root) == self._alone()[0]
        assert {counts["ran"] for counts in self.warm.build(self.root, TARGET).said[-1]["stages"].values()} == {0}

    def _edited(self, chance: random.Random) -> str:
        edit = chance.choice(EDITS)
        edit(self.root, chance)
        self.before = None
        return edit.__name__

    def _alone(self) -> tuple[dict[str, Any], Run]:
        """The same project built in one go from nothing, in a folder that nobody disturbs."""
        alone = self.folder / "alone"
        shutil.rmtree(alone, ignore_errors=True)
        shutil.copytree(self.root, alone, ignore=shutil.ignore_patterns(".lorabuild"))
        run = self.warm.build(alone, TARGET)
        assert run.code == 0, run.text
        return state(alone), run


# ---- the example, with everything that torch does


def shortened(text: str) -> str:
    """The example's lora.yaml for a build of some seconds, which saves its training all the time."""
    for old, new in (
        ("resolution: 64\n", "resolution: 32\n"),
        ("steps: 1500", "steps: 60"),
        ("epochs: 4", "epochs: 2"),
        ("count: 96", "count: 4"),
        ("warmup: 20", "warmup: 2"),
        ("seed: 42", "seed: 42\n  save_state_every: 3"),
    ):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    head, _, tail = text.partition("\nsamples:")
    samples = '\nsamples: {prompts: ["zorbl, grass"], steps: 4, every: end}\n'
    return head + samples + tail[tail.index("\noutput:") :]


@dataclass
class Example:
    """The example, killed once a run at an instant that runs through the build from its begin to its end."""

    folder: Path
    warm: Warm
    seed: int
    settings: Callable[[str], str] = str
    seconds: float = 0.0
    right: dict[str, str] = field(default_factory=dict)

    def reference(self) -> None:
        """Build it undisturbed; ``right`` and ``seconds`` may be set instead, from such a build."""
        root = self._copy()
        run = self.warm.build(root)
        assert run.code == 0, run.text
        self.seconds, self.right = run.seconds, made(root)

    def run(self, number: int, of: int) -> dict[str, Any]:
        """Run ``number`` of so many; what a log says of it. Raises AssertionError when the bytes differ."""
        after = (number + drawn(self.seed, "example", number).random()) / of * BEYOND * self.seconds
        root = self._copy()
        killed = self.warm.build(root, kill_after=after)
        assert killed.killed or killed.code == 0, killed.text
        run = self.warm.build(root)
        assert run.code == 0, run.text
        assert made(root) == self.right, f"run {number} of {of}, killed after {after:.3f} s"
        stages = [event["stage"] for event in killed.events("stage")]
        resumed = [note["text"] for note in run.events("note") if note.get("code") == "resumed"]
        return {
            "number": number,
            "after": after,
            "killed": killed.killed,
            "in": stages[-1:],
            "resumed": resumed,
            "seconds": run.seconds,
        }

    def _copy(self) -> Path:
        """The person's files alone."""
        root = self.folder / "example"
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(EXAMPLE, root, ignore=LEFT_BEHIND)
        (root / "lora.yaml").write_text(self.settings((root / "lora.yaml").read_text("utf-8")), "utf-8")
        return root


def made(root: Path) -> dict[str, str]:
    """sha256 of everything that a build hands out, but for the report, which tells how the build went."""
    paths = [*(root / "out").iterdir(), root / "lora.lock", root / "lora.manifest.tsv"]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths if path.name != "report.html"}
