"""Grids in the report: kept when they are drawn, told while they are of what is trained and their files are there."""

import json

import light
import pytest
from painted import Painter, square

from lorabuild.cli.main import main
from lorabuild.core.nullcheck import index_path
from lorabuild.graph import grid_folder, grids
from lorabuild.graph.session import viewing

GRID = ("grid", "-q", "--x", "epoch", "--y", "weight=0.5,1", "--at", "prompt=1")


@pytest.fixture
def packed(project, monkeypatch):
    """The light project, with everything but its report."""
    Painter(monkeypatch)
    monkeypatch.setitem(light.PLANTED, "sample", ({"picture": square("sample")}, {}))
    light.built(project)
    with light.viewed(project) as view:
        light.plant(view, "latents", "text", "train", "sample", "package")
    return project


def drawn(project, *words):
    assert main(["-C", str(project), *GRID, *words]) == 0


def known(project, *overrides):
    with viewing(light.opened(project, *overrides)) as view:
        return grids.known(view)


def test_a_grid_is_told_with_its_words_and_is_in_the_key(packed, capsys):
    with light.viewed(packed) as view:
        before = light.items(view, "report")["report"]
    assert "grids" not in before.parts
    assert before.reads["grids"] == []
    index = packed / index_path("", "balance").removeprefix("/")
    index.write_bytes(b"")
    drawn(packed)
    assert not index.exists()  # a build looks again
    with light.viewed(packed) as view:
        now = light.items(view, "report")["report"]
        (told,) = now.reads["grids"]
        assert all(view.store.read(digest).startswith(b"\x89PNG") for _, digest in told["cells"])
    assert now.key != before.key
    assert (told["name"], told["file"]) == ("epoch-weight", "grid/epoch-weight.html")
    assert (told["axes"], ["seed", "42"] in told["fixed"]) == (["epoch", "weight", ""], True)
    assert told["columns"] == [["without LoRA", True], ["epoch 1", False], ["epoch 2", False]]
    assert told["cells"][1][0] == "zorbl · epoch 1 · weight 0.5"
    drawn(packed)  # once more: the same
    assert known(packed) == [told]
    assert main(["-C", str(packed), "gc", "--grace", "0s", "-q"]) == 0
    assert known(packed) == [told]


def test_only_what_lies_there_and_is_of_this_training_is_told(packed, tmp_path, capsys):
    drawn(packed, "-o", str(tmp_path / "mine.webp"))
    assert known(packed) == []
    drawn(packed)
    assert known(packed, "budget.steps=48") == []
    (packed / "out/grid/epoch-weight.html").unlink()
    assert [one["file"] for one in known(packed)] == ["grid/epoch-weight.png"]
    (packed / "out/grid/epoch-weight.png").unlink()
    assert known(packed) == []


def test_a_grid_of_one_variant_stands_on_its_page_and_one_of_several_on_the_projects(packed, capsys):
    light.write(packed, variants={"small": {"network.dim": 4}})
    light.built(packed)
    with viewing(light.opened(packed)) as looked, light.viewed(packed) as view:
        (small,) = looked.variants
        own = {"": looked.key("train", "train")}
        both, alone = own | {"small": small.key("train", "train")}, {"small": small.key("train", "train")}
        assert [grids._shown(looked, of) for of in (own, both, alone, {})] == [True, True, False, False]
        assert [grids._shown(small, of) for of in (own, both, alone)] == [False, False, True]
        assert not grids._shown(looked, both | {"small": "b3:before"})
        assert not grids._shown(view, both)  # planned without its variants


def test_an_output_folder_elsewhere_is_left_alone(project, tmp_path):
    with light.viewed(project, f"output.folder={json.dumps(str(tmp_path / 'elsewhere'))}") as view:
        assert grid_folder.folder(view.site) == project / "out/grid"
