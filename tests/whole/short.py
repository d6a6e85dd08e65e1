"""The example project with its training cut short: the same words, pictures and models, a build of seconds.

``lora.yaml`` keeps its comments and its order; only numbers that cost time are smaller, and two words say the same of
the drawing.
"""

import shutil
from pathlib import Path

import small

EXAMPLE = Path(__file__).parents[2] / "example_project"
LORA = "out/zorbl.safetensors"
LEFT_BEHIND = shutil.ignore_patterns("out", ".lorabuild", "make", "lora.lock", "lora.manifest.tsv")
SHORTER = {
    "steps: 1500 ": "steps: 36 ",
    "epochs: 4": "epochs: 1",
    "count: 96\n": "count: 3\n    steps: 2\n",
    "warmup: 20": "warmup: 2",
    "batch: 6": "batch: 12",
    "resolution: 64\n": "resolution: 32\n",
    "cfg: 4\n": "cfg: 4\n  steps: 2\n  every: end\n",
}
FILES, IMAGES, PRIORS = 27, 30, 3
"""Image files, and the pictures that they give: four lie on one sheet."""
FIRST = {"scan": FILES, "prepare": IMAGES, "tag": IMAGES, "caption": IMAGES, "balance": 1, "latents": IMAGES + PRIORS}
FIRST |= {"text": IMAGES + 3, "train": 1, "sample": 8, "package": 1, "report": 1}
"""What the first build runs: an item a file, picture, text or sample."""
TRAINED = {"train": 1, "sample": 4, "package": 1, "report": 1}
"""Training, and what follows from it: a picture without the LoRA stays as it was."""


def make(root: Path) -> small.Small:
    """A shortened example that was never built."""
    shutil.copytree(EXAMPLE, root, ignore=LEFT_BEHIND)
    project = small.Small(root)
    for old, new in SHORTER.items():
        project.write(old, new)
    return project
