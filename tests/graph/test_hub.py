"""Several taggers of the hub: found, priced, fetched, pinned and moved, each by its place."""

import json

import fake_hub
import pytest
import tiny_tagger
from light import opened, write

from lorabuild.graph.fetch import fetch
from lorabuild.graph.hub import on_hub
from lorabuild.graph.update import update
from lorabuild.taggers import merged

OF = [
    {"type": "wd14", "model": "owner/wd"},
    {"type": "cl_tagger", "model": "owner/cl"},
    {"type": "camie", "model": "owner/camie@v2"},
    {"type": "prose", "model": "owner/prose"},
    {"type": "sidecar", "extension": ".tags"},
]


@pytest.fixture
def hub(project, tmp_path, monkeypatch):
    write(project, captions={"tagger": {"type": "merged", "of": OF}})
    with fake_hub.at_home(monkeypatch, tmp_path / "cache") as running:
        running.push_folder("owner/wd", tiny_tagger.make(tmp_path / "made/wd"))
        version = tmp_path / "made/cl"
        tiny_tagger.mapped(version / "cl_tagger_1_02", "cl_tagger")
        running.push_folder("owner/cl", version)
        running.push("owner/camie", {"README.md": b""})
        camie = dict.fromkeys(("camie-tagger-v2.onnx", "camie-tagger-v2-metadata.json"), b"{}")
        running.push("owner/camie", camie, "v2")
        prose = {"config.json": b"{}", "model.safetensors": b"12345", "tokenizer.json": b"{}"}
        running.push("owner/prose", {**prose, "pytorch_model.bin": b"pickle", "code.py": b"import os"})
        yield running


def test_every_part_is_a_model_of_its_own(project, hub):
    found = {what: str(name) for (_, what), name in on_hub(opened(project)).items()}
    assert found == {
        "tagger.0": "owner/wd",
        "tagger.1": "owner/cl",
        "tagger.2": "owner/camie@v2",
        "tagger.3": "owner/prose",
    }


def test_what_is_fetched_is_told_first_and_is_what_a_build_needs(project, hub):
    loaded, told = opened(project), []
    rows = fetch(loaded, told.append, dry_run=True)
    assert hub.downloads() == []
    assert rows == told
    files = {row["model"]: {file["name"] for file in row["files"]} for row in rows}
    assert files["tagger.1"] == {"cl_tagger_1_02/model_optimized.onnx", "cl_tagger_1_02/tag_mapping.json"}
    assert files["tagger.3"] == {"config.json", "model.safetensors", "tokenizer.json"}
    assert all(row["missing"] == row["bytes"] > 0 for row in rows)
    fetch(loaded, told.append, dry_run=False)
    assert not {"pytorch_model.bin", "code.py"} & {*hub.downloads()}
    assert all(path.is_file() for path in merged.digests(loaded.project.captions.tagger, loaded.site).values())
    asked = len(hub.asked)
    merged.fetch(loaded.project.captions.tagger, loaded.site)
    assert len(hub.asked) == asked  # nothing is missing: the hub isn't asked


def test_the_pin_of_a_part_is_its_own_and_moves(project, hub):
    commit = hub.branches["owner/prose", "main"]
    models = {"tagger.3": {"source": "owner/prose", "revision": commit, "parts": {}}}
    lock = {"lock": {"format": 2, "lorabuild": "0"}, "settings": {}, "models": models, "stages": {}}
    lock |= {"concepts": {}, "record": {}, "outputs": {}}
    (project / "lora.lock").write_text(json.dumps(lock))
    loaded = opened(project)
    pins = {what: name.pin for (_, what), name in on_hub(loaded).items()}
    assert pins == {"tagger.0": None, "tagger.1": None, "tagger.2": None, "tagger.3": commit}
    newer = hub.push("owner/prose", {"config.json": b"{} "})
    (row,) = update(loaded, ["tagger.3"], print, dry_run=False)
    assert (row["then"], row["now"], row["moved"]) == (commit, newer, True)
    assert json.loads((project / "lora.lock").read_text())["models"]["tagger.3"]["revision"] == newer
