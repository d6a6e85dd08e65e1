import json
from pathlib import Path

from recorded import Recorded

from lorabuild.balance.budget import plan
from lorabuild.balance.request import Concept, Request
from lorabuild.core.item import Item
from lorabuild.schema.project import Project
from lorabuild.schema.site import Site
from lorabuild.stages import balance

SITE = Site(
    Project.model_validate({"name": "zorbl", "base": {"model": "base"}, "concepts": {"plain": {"folder": "."}}}), Path()
)


def test_the_facts_are_the_table():
    request = Request(
        (Concept("plain", ("zorbl",), ((512, 512, 12),)), Concept("cape", ("zorbl", "cape"), ((384, 640, 8),))),
        {"zorbl": "character", "cape": "outfit"},
        steps=2000,
        batch=2,
    )
    recorded = Recorded()
    reads = {"request": json.loads(json.dumps(request.as_dict()))}
    balance.run([Item("balance", "b3:0", reads=reads)], SITE, recorded, recorded.emit)
    assert recorded.facts["balance"] == plan(request).as_dict()
    assert recorded.facts["balance"]["concepts"][1]["repeats"] == 15
    assert recorded.progress() == [1]
