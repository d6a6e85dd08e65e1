import json

import pytest
from kept import Kept

from lorabuild.core.errors import BlobError
from lorabuild.core.events import silent
from lorabuild.core.item import Item
from lorabuild.schema.project import Project
from lorabuild.schema.site import Site
from lorabuild.stages import caption

SCORES = [
    ["1creature", 0.99, "general"],
    ["red_cape", 0.8, "general"],
    ["cape", 0.7, "general"],
    ["grass", 0.6, "general"],
]


@pytest.fixture
def site(tmp_path):
    words = {
        "name": "zorbl",
        "base": {"model": "base"},
        "triggers": {"zorbl": {"absorbs": ["1creature"]}, "zorbl_cape": {"kind": "outfit", "absorbs": ["*cape"]}},
        "concepts": {"cape": {"folder": "dataset", "triggers": ["zorbl", "zorbl_cape"]}},
        "captions": {"tagger": {"type": "wd14", "threshold": 0.5}, "drop": ["grass"]},
    }
    return Site(Project.model_validate(words), tmp_path)


def items(outputs, *overrides):
    reads = {
        "scores": outputs.write(json.dumps(SCORES).encode()),
        "triggers": ["zorbl", "zorbl_cape"],
        "frequency": None,
    }
    return [
        Item(f"{n}.png", f"b3:{n:064x}", reads={**reads, "override": override}) for n, override in enumerate(overrides)
    ]


def test_captions_with_their_facts(site):
    outputs = Kept()
    caption.run(items(outputs, None, "a day at sea\u2026"), site, outputs, silent)
    assert outputs.made("0.png", "caption") == b"zorbl, zorbl_cape"
    assert outputs.facts["0.png"] == {
        "caption": "zorbl, zorbl_cape",
        "tags": [],
        "pruned": [["1creature", "zorbl"], ["red_cape", "zorbl_cape"], ["cape", "zorbl_cape"]],
        "dropped": ["grass"],
        "human": False,
    }
    assert (
        outputs.made("1.png", "caption").decode()
        == outputs.facts["1.png"]["caption"]
        == "zorbl, zorbl_cape, a day at sea…"
    )
    assert outputs.facts["1.png"]["human"]
    json.dumps(outputs.facts)


def test_a_persons_text_needs_no_scores(site):
    outputs = Kept()
    (item,) = items(outputs, "zorbl at sea")
    outputs.blobs.clear()
    caption.run([item], site, outputs, silent)
    assert outputs.facts["0.png"]["caption"] == "zorbl_cape, zorbl at sea"


def test_lost_scores_are_not_hidden(site):
    outputs = Kept()
    (item,) = items(outputs, None)
    outputs.blobs.clear()
    with pytest.raises(BlobError):
        caption.run([item], site, outputs, silent)


def test_progress_comes_at_intervals_and_at_the_end(site):
    events = []
    outputs = Kept()
    caption.run(items(outputs, *["x"] * 300), site, outputs, events.append)
    assert [(event.kind, event.data["done"], event.data["total"]) for event in events] == [
        ("progress", 256, 300),
        ("progress", 300, 300),
    ]


def test_nothing_to_do_is_nothing_done(site):
    events = []
    caption.run([], site, Kept(), events.append)
    assert not events
