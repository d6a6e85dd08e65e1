"""Pictures a second through ``scan``, ``prepare`` and the read-ahead of ``latents``, beside Pillow alone on one core.

    PYTHONPATH=. python benchmarks/pictures.py [--rounds 3] [--workers 2] [--seconds 2.0] [--size 512 --size 1536 …]
    PYTHONPATH=. python benchmarks/pictures.py --memory [--workers 2 --workers 8] [--pixels 6000 4000]

``Pillow`` opens one picture after the other and converts it to RGB; ``Pillow, fitted`` also scales it to a bucket, as a
person's script does before an encoder. ``prepare`` is our stage's work – the file's digest, decoding, colours,
orientation, the digest of the pixels – and ``fitted`` what is read ahead of the VAE: all that again, and the pixels of
the bucket back in the process that asked. Both run in processes of their own; loading Python and Pillow is in neither.
``ratio`` is of wall times. ``by CPU`` is what it would be on cores that nothing else uses: Pillow's CPU seconds times
the workers, by ours of all processes.

With ``--memory``: the most that ``build latents`` takes with pictures of that size, all processes together
(proportional set size, looked at every 20 ms; Linux).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent
KINDS = {"png": {}, "jpg": {"quality": 92}, "webp": {"quality": 90, "method": 2}}
BUCKET = 512
WAYS = ("Pillow", "prepare", "Pillow, fitted", "fitted")
SETTINGS = """name: pictures
base: {{model: {base}}}
concepts: {{a: {{folder: pictures, repeats: 1}}}}
images: {{resolution: 64}}
budget: {{epochs: 1}}
device: {{type: cpu, threads: {threads}}}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, action="append")
    parser.add_argument("--seconds", type=float, default=2.0, help="about how long Pillow alone works in a round")
    parser.add_argument("--size", type=int, action="append")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--pixels", type=int, nargs=2, default=[6000, 4000])
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    wishes = parser.parse_args()
    if wishes.inside:
        inside(**json.loads(wishes.inside))
    elif wishes.memory:
        memory(wishes)
    else:
        compare(wishes)


def compare(wishes: argparse.Namespace) -> None:
    """A row for each format and size."""
    (workers,) = wishes.workers or [2]
    print("| pictures | Pillow, a second | prepare | ratio | by CPU | Pillow, fitted | fitted | ratio | by CPU |")
    print("|---|---|---|---|---|---|---|---|---|")
    for size in wishes.size or [512, 1024, 2048]:
        for kind in KINDS:
            with tempfile.TemporaryDirectory() as name:
                row(Path(name), kind, size, workers, wishes)


def row(folder: Path, kind: str, size: int, workers: int, wishes: argparse.Namespace) -> None:
    draw(folder, kind, size, size, 8)
    count = max(16, round(8 * wishes.seconds / max(apart(folder, "Pillow", 1, 8)[0], 1e-3)))
    found: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    for _ in range(wishes.rounds):
        for way in WAYS:
            found[way].append(apart(folder, way, workers, count))
    said = [f"| {size} × {size} {kind} "]
    for plain, ours in (("Pillow", "prepare"), ("Pillow, fitted", "fitted")):
        (wall, cpu), (our_wall, our_cpu) = (
            [statistics.median(one) for one in zip(*found[way], strict=True)] for way in (plain, ours)
        )
        said.append(
            f"{count / wall:.1f} | {count / our_wall:.1f} | {wall / our_wall:.2f} | {workers * cpu / our_cpu:.2f} "
        )
    print("| ".join(said) + "|", flush=True)


def draw(folder: Path, kind: str, width: int, height: int, count: int) -> None:
    """Soft shapes with a little noise, as photographs and drawings have."""
    import numpy as np
    from PIL import Image

    for number in range(count):
        chance = np.random.default_rng(number)
        rough = Image.fromarray(chance.integers(0, 256, (height // 16, width // 16, 3), np.uint8))
        pixels = np.asarray(rough.resize((width, height), Image.Resampling.BICUBIC)).astype(np.int16)
        noisy = pixels + chance.integers(-3, 4, (height, width, 1), np.int16)
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(folder / f"{number}.{kind}", **KINDS[kind])


def apart(folder: Path, way: str, workers: int, count: int) -> tuple[float, float]:
    """Wall and CPU seconds of so many pictures, in a process of its own."""
    words = json.dumps({"folder": str(folder), "way": way, "workers": workers, "count": count})
    done = subprocess.run(
        [sys.executable, __file__, "--inside", words], env=room(), check=True, capture_output=True, text=True
    )
    wall, cpu = json.loads(done.stdout)
    return wall, cpu


def inside(folder: str, way: str, workers: int, count: int) -> None:
    """One way, timed."""
    paths = sorted(Path(folder).iterdir())
    asked = [paths[number % len(paths)] for number in range(count)]
    work = with_pillow(asked, fitted="fitted" in way) if "Pillow" in way else with_ours(asked, way, workers)
    begun, before = time.perf_counter(), used()
    work()
    print(json.dumps([time.perf_counter() - begun, used() - before]))


def used() -> float:
    """CPU seconds of this process and of those that it has ended."""
    each = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in each)


def with_pillow(paths: list[Path], *, fitted: bool) -> partial[None]:
    """A loop over single pictures."""
    import numpy as np
    from PIL import Image

    def read(path: Path) -> None:
        picture = Image.open(path).convert("RGB")
        if fitted:
            np.asarray(picture.resize((BUCKET, BUCKET), Image.Resampling.LANCZOS))

    read(paths[0])  # loads the decoder
    return partial(all, (read(path) is None for path in paths))  # type: ignore[return-value]


def with_ours(paths: list[Path], way: str, workers: int) -> partial[None]:
    """The stages' own work, through the pool."""
    from lorabuild.core.digest import digest
    from lorabuild.core.item import Item
    from lorabuild.images.pool import in_order, plain
    from lorabuild.schema.images import Images
    from lorabuild.stages import latents, prepare

    settings = plain(Images())
    files = {path: digest(path.read_bytes()) for path in set(paths)}
    reads = {path: {"path": str(path), "file": files[path]} for path in files}
    for path, read in reads.items():
        made = prepare._made(Item("", "", reads=read), settings)  # noqa: SLF001
        assert isinstance(made, prepare.Made), path
        reads[path] = {**read, "pixels": made.facts["pixels"], "bucket": [BUCKET, BUCKET]}
    items = [Item(path.name, "b3:", reads=reads[path]) for path in paths]
    work = partial(prepare._made if way == "prepare" else latents._read, settings=settings)  # noqa: SLF001
    return partial(all, (answer is not None for _, answer in in_order(work, items, workers)))


def memory(wishes: argparse.Namespace) -> None:
    """The peak of a build up to the latents, for each number of workers."""
    width, height = wishes.pixels
    print(f"| 8 pictures of {width} × {height} | workers | peak MB | by stage |\n|---|---|---|---|")
    for kind in ("jpg", "png"):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "pictures").mkdir()
            draw(folder / "pictures", kind, width, height, 8)
            for workers in wishes.workers or [2, 8]:
                base = PACKAGE / "example_project" / "base"
                (folder / "lora.yaml").write_text(SETTINGS.format(base=base, threads=workers))
                peaks = watched(folder)
                told = ", ".join(f"{stage} {peak:.0f}" for stage, peak in peaks.items())
                print(f"| {kind} | {workers} | {max(peaks.values()):.0f} | {told} |", flush=True)


def watched(folder: Path) -> dict[str, float]:
    """Stage → the most megabytes that a build took, all its processes together."""
    subprocess.run(["rm", "-rf", folder / ".lorabuild"], check=True)
    words = [sys.executable, "-m", "lorabuild", "-C", str(folder), "build", "latents", "--json"]
    said = folder / "said"
    with said.open("w") as out, subprocess.Popen(words, env=room(), stdout=out) as running:
        peaks: dict[str, float] = {}
        while running.poll() is None:
            stages = [
                json.loads(line) for line in said.read_text().splitlines() if line.startswith('{"event": "stage"')
            ]
            stage = stages[-1]["stage"] if stages else "begin"
            peaks[stage] = max(peaks.get(stage, 0.0), sum(map(share, family(running.pid))) / 1e6)
            time.sleep(0.02)
    if running.returncode:
        sys.exit("lorabuild build latents failed")
    return peaks


def family(process: int) -> list[int]:
    """A process and all that it has started."""
    found = [process]
    for one in found:
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                found += map(int, task.read_text().split())
            except OSError:
                continue
    return found


def share(process: int) -> int:
    """Bytes that a process takes, with its share of what it has together with others."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:"))


def room() -> dict[str, str]:
    """The environment of both."""
    return {**os.environ, "PYTHONPATH": os.fspath(PACKAGE), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}


if __name__ == "__main__":
    main()
