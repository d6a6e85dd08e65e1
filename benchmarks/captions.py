"""What captions cost: the caption stage alone from cached scores, then again after a trigger was renamed.

    PYTHONPATH=. OMP_NUM_THREADS=1 python benchmarks/captions.py [--images 10000] [--tags 40] [--runs 5]

Ten thousand pictures have forty scored tags each, in the store as the tag stage leaves them. A run plans and runs the
caption stage in an empty database (``first``), once more after the triggers were renamed, and with every kind of rule
at once. ``stage`` is the stage's own CPU time: reading scores, rules, storing captions with their results; ``keys`` is
what planning it takes beside that. The ratio is to ``python -c pass``. Goal: 1.5 s.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from lorabuild.core.counted import counts
from lorabuild.core.events import silent
from lorabuild.core.item import Result
from lorabuild.core.store import Store
from lorabuild.graph import pictures
from lorabuild.graph.inventory import ImageFile
from lorabuild.graph.members import Fresh
from lorabuild.graph.view import View
from lorabuild.schema.consumed import consumed
from lorabuild.schema.project import Project
from lorabuild.schema.site import Site
from lorabuild.stages import caption

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lorabuild.core.item import Item

PLAIN = """
smile open_mouth closed_mouth long_sleeves hat cape forest night beach grass sitting standing outdoors indoors
looking_at_viewer simple_background white_background full_body upper_body holding sword flower book sky cloud tree
river lamp window
"""
COLOURS = "white black red blue green yellow pink purple brown grey"
THINGS = "shirt skirt dress jacket gloves socks boots ribbon bow scarf hair eyes"
COLOURED = " ".join(f"{colour}_{thing}" for colour in COLOURS.split() for thing in THINGS.split())
VOCABULARY = f"{PLAIN} {COLOURED} {THINGS}".split()
SETTINGS: dict[str, Any] = {
    "name": "many",
    "base": {"model": "base"},
    "triggers": {
        "zorbl": {"kind": "character", "absorbs": ["1girl", "*_hair", "*_eyes"]},
        "zorbl_cape": {"kind": "outfit", "absorbs": ["cape", "*_cape", "*_skirt"]},
    },
    "concepts": {
        "plain": {"folder": "dataset/plain", "triggers": ["zorbl"]},
        "cape": {"folder": "dataset/cape", "triggers": ["zorbl", "zorbl_cape"]},
    },
    "captions": {"tagger": {"type": "wd14"}, "drop": ["meme", "*_background"]},
}
RULES = {
    "synonyms": True,
    "replace": {"bow": "ribbon"},
    "split": {"holding": ["hand", "thing"]},
    "implies": {"tree": ["forest"]},
    "add": ["solo"],
    "names": "drop",
    "case": "lower",
    "underscores": "space",
    "escape": True,
    "counts_first": True,
    "for": [{"match": "dataset/cape/**/*7.png", "drop": ["sky"], "add": ["from_behind"]}],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--tags", type=int, default=40)
    parser.add_argument("--runs", type=int, default=5)
    wishes = parser.parse_args()
    gc.set_threshold(100_000, 20, 20)  # as the command line does
    spent: dict[str, list[tuple[float, float]]] = {}
    for _ in range(wishes.runs):
        with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / ".lorabuild") as store:
            tagged = scored(store, wishes.images, wishes.tags)
            for name, words in variations().items():
                spent.setdefault(name, []).append(captioned(Path(folder), store, tagged, words))
    bare = statistics.median(interpreter() for _ in range(wishes.runs))
    print(f"| {wishes.images} images, {wishes.tags} tags | stage, CPU s | least | most | ratio | keys, CPU s |")
    print("|---|---|---|---|---|---|")
    for name, pairs in spent.items():
        stage, keys = (statistics.median(part) for part in zip(*pairs, strict=True))
        least, most = min(pairs)[0], max(pairs)[0]
        print(f"| {name} | {stage:.2f} | {least:.2f} | {most:.2f} | {stage / bare:.0f} | {keys:.2f} |")


def variations() -> dict[str, dict[str, Any]]:
    """Settings that are run one after the other in one store."""
    triggers = {f"other_{name}": trigger for name, trigger in SETTINGS["triggers"].items()}
    concepts = {
        name: {**concept, "triggers": [f"other_{trigger}" for trigger in concept["triggers"]]}
        for name, concept in SETTINGS["concepts"].items()
    }
    captions = {**SETTINGS["captions"], **RULES}
    renamed = {**SETTINGS, "triggers": triggers, "concepts": concepts}
    return {"first": SETTINGS, "a trigger renamed": renamed, "all rules": {**SETTINGS, "captions": captions}}


def scored(store: Store, images: int, tags: int) -> dict[str, Result]:
    """Scores of so many pictures, each another choice of tags, as the tag stage keeps them."""
    found = {}
    for number in range(images):
        drawn = counts(tags, 0, "benchmark", number)
        names = dict.fromkeys(["1girl", *(VOCABULARY[value % len(VOCABULARY)] for value in drawn)])
        scores = [[name, round(0.99 - place / 100, 6), "general"] for place, name in enumerate(names)]
        blob = store.write(json.dumps(scores, separators=(",", ":")).encode())
        found[path(number)] = Result(f"b3:{number:064x}", "tag", {"scores": blob})
    store.commit(found.values())
    return found


def path(number: int) -> str:
    return f"dataset/{('plain', 'cape')[number % 2]}/{number // 500:03d}/{number:06d}.png"


def captioned(root: Path, store: Store, tagged: Mapping[str, Result], words: Mapping[str, Any]) -> tuple[float, float]:
    """CPU seconds of the stage and of planning it."""
    project = Project.model_validate(words)
    site = Site(project, root, consumed(project, ""))
    view = cast("View", Known(site, store, tagged))
    begun = time.process_time()
    items = cast("list[Item]", list(pictures.caption(view))[1:])
    planned = time.process_time()
    with store.writer("caption", every=caption.BATCH) as outputs:
        caption.run(items, site, outputs, silent)
    done = time.process_time()
    assert len(store.results(item.key for item in items)) == len(tagged)
    return done - planned, planned - begun


class Known(View):
    """A view of pictures that are all tagged."""

    def __init__(self, site: Site, store: Store, tagged: Mapping[str, Result]) -> None:
        inventory = SimpleNamespace(settled=None, models={}, implications=None, edits={})
        super().__init__(replace(site), cast("Any", inventory), store, {})
        self.named["tag"] = dict(tagged)
        self.worked_out["fresh"] = [
            Fresh(name, name.split("/")[1], ImageFile(name, site.root / name, None)) for name in tagged
        ]

    def made(self, stage: str) -> dict[str, Result]:
        """The results, without planning."""
        return self.named[stage]


def interpreter() -> float:
    """CPU seconds of an interpreter that does nothing."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", "pass"], check=True, env=dict(os.environ))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
