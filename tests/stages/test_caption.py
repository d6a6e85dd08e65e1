import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from kept import Kept

from lorabuild.core.digest import digest
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


TOKENIZER = Path(__file__).parents[2] / "example_project" / "base" / "tokenizer"


@pytest.fixture
def site(tmp_path):
    return sited(tmp_path)


def sited(folder, **captions):
    words = {
        "name": "zorbl",
        "base": {"model": "base"},
        "triggers": {"zorbl": {"absorbs": ["1creature"]}, "zorbl_cape": {"kind": "outfit", "absorbs": ["*cape"]}},
        "concepts": {"cape": {"folder": "dataset", "triggers": ["zorbl", "zorbl_cape"]}},
        "captions": {"tagger": {"type": "wd14", "threshold": 0.5}, "drop": ["grass"], **captions},
    }
    return Site(Project.model_validate(words), folder)


def items(outputs, *overrides, more=()):
    reads = {
        "scores": outputs.write(json.dumps([*SCORES, *more]).encode()),
        "triggers": ["zorbl", "zorbl_cape"],
        "frequency": None,
        "concept": "cape",
    }
    return [
        Item(f"{n}.png", f"b3:{n:064x}", reads={**reads, "override": override, "path": f"dataset/{n}.png"})
        for n, override in enumerate(overrides)
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


def test_an_edit_needs_the_scores(site):
    outputs = Kept()
    caption.run(items(outputs, "+hat, -sky"), site, outputs, silent)
    assert outputs.facts["0.png"]["caption"] == "zorbl, zorbl_cape, hat"
    assert outputs.facts["0.png"]["pruned"]


def test_rules_for_some_images(tmp_path):
    site, outputs = sited(tmp_path, **{"for": [{"match": "dataset/1.*", "add": ["night"]}]}), Kept()
    caption.run(items(outputs, None, None), site, outputs, silent)
    assert [outputs.facts[name]["caption"] for name in ("0.png", "1.png")] == [
        "zorbl, zorbl_cape",
        "zorbl, zorbl_cape, night",
    ]


def test_a_table_of_implications_is_the_one_that_was_planned(tmp_path):
    site, outputs, events = sited(tmp_path, implications="table.csv", add=["katana", "sword"]), Kept(), []
    table = tmp_path / "table.csv"
    table.write_text("katana,sword\n", "utf-8")
    (item,) = items(outputs, None)
    planned = replace(item, parts={"captions.implications": digest(table.read_bytes())})
    caption.run([planned], site, outputs, events.append)
    assert outputs.facts["0.png"]["caption"] == "zorbl, zorbl_cape, katana"
    table.write_text("katana,weapon\n", "utf-8")
    again = Kept()
    caption.run([planned], site, again, events.append)
    assert not again.facts
    assert events[-1].data["code"] == "changed"


def test_a_limit_is_measured_with_the_base_s_own_tokenizer(tmp_path, monkeypatch):
    base = tmp_path / "base"
    for part in ("unet", "vae", "text_encoder", "scheduler"):
        shutil.copytree(TOKENIZER.parent / part, base / part)
    shutil.copytree(TOKENIZER, base / "tokenizer")
    monkeypatch.setitem(sys.modules, "transformers", None)  # nothing heavy
    site, outputs = sited(tmp_path, max_tokens=18, add=["night", "sky", "grass"]), Kept()
    caption.run(items(outputs, None), site, outputs, silent)
    facts = outputs.facts["0.png"]
    assert (facts["tags"], facts["cut"]) == (["night"], ["sky", "grass"])
    talk = "A red hat. It stands under a tree in the forest."
    for most, expected in ((45, [talk]), (44, [talk[:10]]), (20, ["A red"]), (17, None)):
        site, outputs = sited(tmp_path, max_tokens=most, style="prose"), Kept()
        caption.run(items(outputs, None, more=[[talk, 1.0, "prose"]]), site, outputs, silent)
        assert outputs.facts["0.png"].get("prose") == expected
