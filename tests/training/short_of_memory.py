"""As a program, ``short_of_memory.py BLOCKS…``: for each number a training that gets so many blocks and no more.

0 is for all that there is. Prints what became of each as JSON.
"""

import json
import resource
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import torch
from tiny_training import Trained, settings

from lorabuild.core.errors import StageError

BLOCK = 64 << 20
"""Bytes so large that they go back to the system when they are freed."""


def large(objective):
    """The same objective over pictures that take a block forward and two more backward."""

    def measure(made):
        count, prepared = made
        held = torch.empty(count, BLOCK, dtype=torch.uint8)

        def backward(_gradient):
            torch.empty(2, *held.shape, dtype=torch.uint8)

        distances = objective.measure(prepared)
        distances.register_hook(backward)
        return distances

    return SimpleNamespace(measure=measure, prepare=lambda looks, step: (len(looks), objective.prepare(looks, step)))


def limit(blocks):
    """The system gives this process only so much more memory."""
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    taken = next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmData"))
    most = taken + int(blocks * BLOCK) if blocks else resource.RLIM_INFINITY
    resource.setrlimit(resource.RLIMIT_DATA, (most, resource.RLIM_INFINITY))


def main():
    torch.set_num_threads(1)
    words = settings(batch=4, optimizer={"type": "sgd", "lr": 0.1})
    for blocks in map(float, sys.argv[1:]):
        with tempfile.TemporaryDirectory() as folder:
            limit(blocks)
            try:
                made = Trained(Path(folder), words, epochs=1, around=large, images=4, priors=0)
                told = {"losses": [row.loss for row in made.state.rows], "notes": made.notes}
            except StageError as error:
                told = {"error": error.what}
            limit(0)
        print(json.dumps(told))


if __name__ == "__main__":
    main()
