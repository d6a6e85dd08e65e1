"""The light project through the command line, built to ``balance`` without torch; and whether it is as it should be."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import light
import small

from lorabuild.core.store import Store
from lorabuild.graph.inventory import take
from lorabuild.graph.order import up_to
from lorabuild.graph.plan import ITEMS
from lorabuild.graph.session import STORE
from lorabuild.graph.view import View

if TYPE_CHECKING:
    from pathlib import Path

TARGET = "balance"
STAGES = up_to((TARGET,))
OURS = (STORE,)


class Lit(small.Small):
    """A light project in a folder."""

    def build(self, *words: str) -> small.Built:
        return self.run("build", TARGET, "--json", *words)

    def copy(self, to: Path) -> Lit:
        """The person's files alone."""
        shutil.copytree(self.root, to, symlinks=True, ignore=shutil.ignore_patterns(*OURS))
        return Lit(to)

    def image(self, name: str) -> Path:
        return self.root / "data" / name

    def right(self) -> dict[str, Any]:
        """A build ends well and gives what a build from nothing gives, in a folder beside; that is returned."""
        built = self.build()
        assert built.code == 0, built.text
        found = state(self.root)
        beside = self.root.with_name(f"{self.root.name} anew")
        shutil.rmtree(beside, ignore_errors=True)
        anew = self.copy(beside)
        assert anew.build().code == 0
        assert state(anew.root) == found
        return found


def state(root: Path) -> dict[str, Any]:
    """Everything that the stages say of the project, with every blob read and verified; all must be done."""
    found = {}
    loaded = light.opened(root)
    with Store(root / STORE) as store:
        assert all(View(loaded.site, take(loaded.site, store), store, ITEMS).step(stage).clean for stage in STAGES)
        view = View(loaded.site, take(loaded.site, store, again=True), store, ITEMS)
        for stage in STAGES:
            assert view.step(stage).clean, (stage, view.step(stage))
            made = view.made(stage)
            found[stage] = {
                item.id: (item.key, made[item.id].facts, made[item.id].problem, dict(made[item.id].outputs))
                for item in view.step(stage).items
            }
            for result in made.values():
                for blob in result.outputs.values():
                    view.store.read(blob)
    return found
