"""What a build with nothing to do costs: CPU of the whole process, as a ratio to ``python -c pass``.

    PYTHONPATH=. python benchmarks/null_build.py [--files 1000 10000] [--runs 11]

Makes a project of small files, writes its null index, and runs both in turn. Goals: 1.7 (1k), 4 (10k), 32 (100k).
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lorabuild.core.nullindex import Seen, write_index

PACKAGE = Path(__file__).resolve().parent.parent
GOALS = {1_000: 1.7, 10_000: 4.0, 100_000: 32.0}
# what pip writes for a console script, without the part for Windows
LAUNCHER = "import sys\nfrom lorabuild.__main__ import main\nif __name__ == '__main__':\n    sys.exit(main())\n"
PER_FOLDER = 500
DONE = "null is up to date – nothing to do"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--runs", type=int, default=11)
    wishes = parser.parse_args()
    print("| input files | python -c pass, CPU ms | lorabuild, CPU ms | ratio | goal | peak MB |")
    print("|---|---|---|---|---|---|")
    for files in wishes.files:
        with tempfile.TemporaryDirectory() as folder:
            row(Path(folder), files, wishes.runs)


def row(root: Path, files: int, runs: int) -> None:
    make_project(root, files)
    launcher = root / "launcher.py"
    launcher.write_text(LAUNCHER, encoding="utf-8")
    null = [sys.executable, os.fspath(launcher)]
    bare = [sys.executable, "-c", "pass"]
    spent = {"bare": list[float](), "null": list[float]()}
    peak = 0
    for _ in range(runs):
        spent["bare"].append(run(bare, root)[0])
        seconds, memory = run(null, root)
        spent["null"].append(seconds)
        peak = max(peak, memory)
    floor, ours = statistics.median(spent["bare"]), statistics.median(spent["null"])
    goal = GOALS.get(files, "")
    print(f"| {files} | {floor * 1e3:.1f} | {ours * 1e3:.1f} | {ours / floor:.2f} | {goal} | {peak / 1024:.0f} |")


def make_project(root: Path, files: int) -> None:
    """A project that was just built cleanly: inputs, a few outputs and the index."""
    (root / ".lorabuild").mkdir()
    (root / "lora.yaml").write_text("name: null\n", encoding="utf-8")
    for number in range(files):
        folder = root / "dataset" / f"c{number // PER_FOLDER:03d}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:06d}.png").write_bytes(b"%d" % number)
    outputs = [root / "out" / name for name in ("null.safetensors", "null.json", "preview.png", "report.html")]
    for path in outputs:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"made")
    time.sleep(0.1)
    seen = Seen(root)
    seen.file(root / "lora.yaml")
    seen.folder(root / "dataset")
    assert write_index(root, "report", seen, outputs, {"text": DONE, "json": {"event": "done"}})


def run(command: list[str], folder: Path) -> tuple[float, int]:
    """CPU seconds and peak memory (KiB) of a process that must succeed; if it is ours, it must find nothing to do."""
    environ = {**os.environ, "PYTHONPATH": os.fspath(PACKAGE)}
    # a pipe holds what little it says; wait4 tells the resources of this one process
    with subprocess.Popen(command, cwd=folder, env=environ, stderr=subprocess.PIPE) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = status
        said = process.stderr.read().decode() if process.stderr else ""
    assert status == 0, said
    assert "-c" in command or said.strip() == DONE, said
    return used.ru_utime + used.ru_stime, used.ru_maxrss


if __name__ == "__main__":
    main()
