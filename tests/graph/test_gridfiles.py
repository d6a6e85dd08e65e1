import io
import json
from pathlib import Path

import light
import pytest
from painted import Painter
from PIL import Image

from lorabuild.core.errors import ProjectError
from lorabuild.core.events import silent
from lorabuild.graph import gridfiles, xyz
from lorabuild.graph.rebased import Bases
from lorabuild.graph.session import viewing

WRITTEN = {"x": ["epoch"], "y": ["weight=0.5,1"], "z": ["prompt=1"]}


@pytest.fixture
def view(project, monkeypatch):
    Painter(monkeypatch)
    light.built(project)
    with light.viewed(project) as view:
        light.plant(view, "latents", "text", "train")
    with viewing(light.opened(project)) as view:
        yield view


@pytest.fixture
def made(view):
    plot = xyz.plotted(view, WRITTEN, [], Bases())
    return plot, *xyz.pictures(view, plot, Bases(), silent)


def test_picture_and_page_lie_below_the_output_folder(view, made, project):
    plot, pictures, _ = made
    paths = gridfiles.places(view, plot, None)
    assert paths == [project / "out/grid/epoch-weight-prompt.png", project / "out/grid/epoch-weight-prompt.html"]
    gridfiles.written(view, plot, pictures, paths)
    with Image.open(paths[0]) as image:
        assert image.format == "PNG"
    page = paths[1].read_text("utf-8")
    assert page.count("<img ") == len(plot.cells) == 6
    assert 'alt="zorbl · without LoRA"' in page
    assert 'id="c4" data-bare="c0"><img' in page
    assert 'alt="zorbl · epoch 1 · weight 0.5"' in page


def test_an_ending_says_what_is_written(view, made, tmp_path):
    plot, pictures, _ = made
    (webp,) = gridfiles.places(view, plot, str(tmp_path / "some/a.webp"))
    gridfiles.written(view, plot, pictures, [webp])
    with Image.open(io.BytesIO(webp.read_bytes())) as image:
        assert image.format == "WEBP"
    assert [path.name for path in gridfiles.places(view, plot, str(tmp_path / "a"))] == ["a.png", "a.html"]
    assert [path.name for path in gridfiles.places(view, plot, str(tmp_path))] == ["grid.png", "grid.html"]
    with pytest.raises(ProjectError, match="can't be written as"):
        gridfiles.places(view, plot, "a.jpg")


def test_programs_learn_every_cell(made):
    plot, _, count = made
    told = json.loads(json.dumps(gridfiles.told(plot, count, [Path("a.png")])))
    assert told["files"] == ["a.png"]
    assert told["axes"]["y"] == {"name": "weight", "labels": ["weight 0.5", "weight 1"]}
    assert (told["ran"], told["reused"], len(told["cells"])) == (5, 0, 6)
    first, second, *_ = told["cells"]
    assert (first["without_lora"], first["weight"], first["prompt"]) == (True, 0.0, "zorbl")
    assert (second["column"], second["row"], second["page"]) == (1, 0, 0)
    assert (second["epoch"], second["weight"], second["seed"], second["size"]) == (1, 0.5, 42, [64, 64])


def test_a_hole_where_a_variant_has_no_such_epoch(view):
    plot = xyz.plotted(view, WRITTEN, [], Bases())
    cell = plot.cells[1]
    holed = xyz.Plot(
        plot.fixed, plot.heads, [xyz.Cell(cell.place, cell.words, without=False, shot=None), *plot.cells[1:]]
    )
    pictures, _ = xyz.pictures(view, holed, Bases(), silent)
    assert pictures[0] is None
    assert gridfiles.told(holed, {}, [])["cells"][0]["drawn"] is False


def test_a_grid_too_large_for_a_picture_names_the_page(view, made, tmp_path, monkeypatch):
    monkeypatch.setattr("lorabuild.evaluate.xyz.LONGEST", 100)
    plot, pictures, _ = made
    with pytest.raises(ProjectError, match="too large") as error:
        gridfiles.written(view, plot, pictures, [tmp_path / "a.png"])
    assert error.value.next_step.endswith("-o grid.html")
