"""The same project in another world: another folder, other times, another machine and person, years ago."""

import os
import random
import subprocess
import sys
from pathlib import Path

import small

import lorabuild

ELSEWHERE = """
import getpass, platform, socket, sys, time
now, ns = time.time, time.time_ns
time.time, time.time_ns = lambda: now() - 4e8, lambda: ns() - 4 * 10**17
socket.gethostname = socket.getfqdn = platform.node = lambda: "elsewhere"
getpass.getuser = lambda: "somebody"
from lorabuild.cli.main import main
raise SystemExit(main(sys.argv[1:]))
"""
"""A build on a machine of another name, by another person, twelve years ago."""
WORLD = {
    "PYTHONHASHSEED": "4242",
    "TZ": "Asia/Kathmandu",
    "LC_ALL": "C",
    "LANG": "C",
    "HOSTNAME": "elsewhere",
    "USER": "somebody",
    "LOGNAME": "somebody",
    "COLUMNS": "60",
}


def moved(project, to):
    """The person's files in another folder, made in another order, with other times."""
    chance = random.Random(3)
    files = [path for path in project.root.rglob("*") if path.is_file() and ".lorabuild" not in path.parts]
    files = [path for path in files if path.parent.name != "out" and not path.name.startswith("lora.lock")]
    for path in chance.sample(files, len(files)):
        copy = to / path.relative_to(project.root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
        os.utime(copy, (chance.randrange(10**9), chance.randrange(10**9)))
    return small.Small(to)


def built_elsewhere(project, *words):
    env = {**os.environ, **WORLD, "PYTHONPATH": str(Path(lorabuild.__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", ELSEWHERE, "-C", str(project.root), "-q", *words]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
    return project
