"""Ends of builds on the light project, as often as a test wants, with other files each time."""

import light

from lorabuild.core.events import silent
from lorabuild.core.store import Store
from lorabuild.graph import past
from lorabuild.graph.finish import finish
from lorabuild.graph.order import STAGES
from lorabuild.graph.wishes import Wishes

RAN = {"train": {"ran": 1, "reused": 0, "seconds": 1.0}}
IDLE = {"train": {"ran": 0, "reused": 1, "seconds": 0.0}}


def ended(root, tally=RAN, stages=STAGES):
    """The end of a build; its rows in the history."""
    with light.viewed(root) as view:
        finish(view, stages, tally, Wishes(), silent)
        return view.store.history()


def repacked(root, lora):
    """The package comes out otherwise, as after a change of lora.yaml."""
    with light.viewed(root) as view:
        (item,) = view.step("package").items
        with view.store.writer("package") as door:
            outputs = {"tiny.safetensors": door.write(lora), "tiny.json": door.write(b"{}")}
            door.done(item, outputs, facts=light.PLANTED["package"][1])


def listed(root):
    with Store(root / ".lorabuild", read_only=True) as store:
        return past.builds(store, root)
