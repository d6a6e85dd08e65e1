"""What a build with nothing to do costs, beside other tools on the same files: CPU as a ratio to ``python -c pass``.

    PYTHONPATH=. python benchmarks/null_build.py [--files 1000 10000 100000] [--runs 9] [--peers 10000]

Makes a project of small files, writes its null index, and runs all tools in turn, round after round; the figures are
medians over the rounds. Goals: 1.7 (1k), 4 (10k), 32 (100k), and at most 80 MB at 100k.

Peers, on the same files, each when it too has nothing to do: ``git status``; doit with a task a file; ninja with an
edge a file; ``dvc repro`` with the folder as one dependency. ninja and dvc are run where they are installed. Above
``--peers`` files they are left out: to set them up takes them minutes.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from lorabuild.core.nullindex import Seen, write_index

PACKAGE = Path(__file__).resolve().parent.parent
GOALS = {1_000: 1.7, 10_000: 4.0, 100_000: 32.0}
# what pip writes for a console script, without the part for Windows
LAUNCHER = "import sys\nfrom lorabuild.__main__ import main\nif __name__ == '__main__':\n    sys.exit(main())\n"
PER_FOLDER = 500
DONE = "null is up to date – nothing to do"
DODO = """\
from pathlib import Path
DOIT_CONFIG = {"backend": "json", "verbosity": 0}
def task_file():
    for path in sorted(Path("dataset").rglob("*.png")):
        yield {"name": str(path), "actions": [f"cp {path} doit-out/{path.name}"], "file_dep": [str(path)]}
"""
DVC = """\
stages:
  all:
    cmd: mkdir -p dvc-out && cp -r dataset/. dvc-out
    deps: [dataset]
    outs: [dvc-out]
"""


@dataclass(frozen=True)
class Tool:
    """A command that has nothing to do in a folder, and what it must say."""

    name: str
    command: list[str]
    says: str = ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--peers", type=int, default=10_000)
    wishes = parser.parse_args()
    print("| input files | tool | CPU ms | ratio to pass | goal | peak MB |\n|---|---|---|---|---|---|")
    for files in wishes.files:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            tools = [bare(), ours(root, files), git(root)]
            if files <= wishes.peers:
                tools += [tool for peer in (doit, ninja, dvc) if (tool := peer(root))]
            table(root, files, tools, wishes.runs)


def table(root: Path, files: int, tools: list[Tool], runs: int) -> None:
    """Run the tools in turn and print their medians."""
    spent: dict[str, list[float]] = {tool.name: [] for tool in tools}
    peak = dict.fromkeys(spent, 0)
    for _ in range(runs):
        for tool in tools:
            seconds, memory = run(tool, root)
            spent[tool.name].append(seconds)
            peak[tool.name] = max(peak[tool.name], memory)
    floor = statistics.median(spent[tools[0].name])
    for tool in tools:
        median = statistics.median(spent[tool.name])
        goal = GOALS.get(files, "") if tool.name == "lorabuild" else ""
        ratio, memory = median / floor, peak[tool.name] / 1024
        print(f"| {files:,} | {tool.name} | {median * 1e3:.1f} | {ratio:.2f} | {goal} | {memory:.0f} |", flush=True)


def bare() -> Tool:
    return Tool("python -c pass", [sys.executable, "-c", "pass"])


def ours(root: Path, files: int) -> Tool:
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
    launcher = root / "launcher.py"
    launcher.write_text(LAUNCHER, encoding="utf-8")
    return Tool("lorabuild", [sys.executable, os.fspath(launcher)], DONE)


def git(root: Path) -> Tool:
    quietly(root, ["git", "init", "-q", "."])
    quietly(root, ["git", "add", "dataset"])
    return Tool("git status", ["git", "status", "--porcelain", "dataset"])


def doit(root: Path) -> Tool:
    (root / "dodo.py").write_text(DODO, encoding="utf-8")
    (root / "doit-out").mkdir()
    command = [sys.executable, "-m", "doit"]
    quietly(root, command)
    return Tool("doit, a task a file", command)


def ninja(root: Path) -> Tool | None:
    if not shutil.which("ninja"):
        return None
    paths = [path.relative_to(root) for path in sorted((root / "dataset").rglob("*.png"))]
    edges = [f"build ninja-out/{path.name}: copy {path}\n" for path in paths]
    (root / "build.ninja").write_text("rule copy\n  command = cp $in $out\n" + "".join(edges), encoding="utf-8")
    quietly(root, ["ninja"])
    return Tool("ninja, an edge a file", ["ninja"])


def dvc(root: Path) -> Tool | None:
    if not shutil.which("dvc"):
        return None
    quietly(root, ["git", "rm", "-rq", "--cached", "dataset"])
    quietly(root, ["dvc", "init", "-q"])
    (root / "dvc.yaml").write_text(DVC, encoding="utf-8")
    quietly(root, ["dvc", "repro", "-q"])
    quietly(root, ["git", "add", "dataset"])
    return Tool("dvc repro", ["dvc", "repro"])


def quietly(root: Path, command: list[str]) -> None:
    """Set something up."""
    subprocess.run(command, cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)


def run(tool: Tool, folder: Path) -> tuple[float, int]:
    """CPU seconds and peak memory (KiB) of a process that must succeed; if it is ours, it must find nothing to do."""
    environ = {**os.environ, "PYTHONPATH": os.fspath(PACKAGE)}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed lorabuild is compiled
    # a pipe holds what little it says; wait4 tells the resources of this one process
    quiet = None if tool.says else subprocess.DEVNULL
    with subprocess.Popen(tool.command, cwd=folder, env=environ, stdout=quiet, stderr=subprocess.PIPE) as process:
        said = process.stderr.read().decode() if process.stderr else ""
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"{tool.name}: {said}"
    assert not tool.says or said.strip() == tool.says, said
    return used.ru_utime + used.ru_stime, used.ru_maxrss


if __name__ == "__main__":
    main()
