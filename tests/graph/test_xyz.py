import shutil

import light
import pytest
from painted import Painter

from lorabuild.core.errors import ProjectError
from lorabuild.core.events import silent
from lorabuild.graph import xyz
from lorabuild.graph.rebased import Bases
from lorabuild.graph.session import viewing
from lorabuild.graph.variants import attach


@pytest.fixture
def painter(monkeypatch):
    return Painter(monkeypatch)


@pytest.fixture
def plotting(project, painter):
    """Draws a grid; its plot, its pictures, and how many were drawn and reused."""
    light.finished(project)

    def plot(*fixed, **written):
        bases = Bases()
        with viewing(light.opened(project)) as view:
            plot = xyz.plotted(view, {place: [text] for place, text in written.items()}, fixed, bases)
            return plot, *xyz.pictures(view, plot, bases, silent)

    return plot


def labels(plot):
    return [[head.label for head in heads] for heads in plot.heads]


def test_what_is_handed_out_is_drawn_behind_finish_and_epochs_as_they_were_trained(plotting, project):
    light.write(project, finish=[{"rebase": {"from": 0.5}}])
    worn = [
        {cell.shot.finished for cell in plotting(*fixed, **said)[0].cells if cell.shot.lora}
        for fixed, said in (((), {"x": "seed"}), ((), {"x": "epoch"}), (("epoch=1",), {"x": "seed"}))
    ]
    assert worn == [{True}, {False}, {False}]


def test_epochs_weights_and_prompts_where_nothing_is_said(plotting):
    plot, pictures, count = plotting()
    assert labels(plot) == [
        ["without LoRA", "epoch 1", "epoch 2"],
        ["weight 0.5", "weight 0.75", "weight 1", "weight 1.25"],
        ["zorbl", "zorbl, zorbl_cape"],
    ]
    assert len(plot.cells) == len(pictures) == 24
    assert count == {"ran": 12, "reused": 6}, "the build has drawn weight 1, and the base"
    assert [cell.place for cell in plot.cells[:4]] == [(0, 0, 0), (1, 0, 0), (2, 0, 0), (0, 1, 0)]


def test_a_second_run_draws_nothing_and_a_new_value_only_its_own(plotting, painter):
    _, first, _ = plotting(x="epoch", y="weight=0.25,0.5", z="seed=1")
    assert len(painter.drawn) == 5
    _, again, count = plotting(x="epoch", y="weight=0.25,0.5", z="seed=1")
    assert (again, count["ran"]) == (first, 0)
    painter.drawn.clear()
    _, more, count = plotting(x="epoch", y="weight=0.25,0.4,0.5", z="seed=1")
    assert [(row["epoch"], row["weight"], row["seed"]) for row in painter.drawn] == [(1, 0.4, 1), (2, 0.4, 1)]
    assert (more[:3], more[6:]) == (first[:3], first[3:])
    assert count == {"ran": 2, "reused": 5}


@pytest.mark.parametrize(
    ("written", "place", "expected"),
    [
        ({"x": "epoch", "y": "weight"}, 0, ["without LoRA", "epoch 1", "epoch 2"]),
        ({"x": "weight=0,1"}, 0, ["without LoRA", "weight 1"]),
        ({"x": "prompt", "y": "epoch"}, 1, ["without LoRA", "epoch 1", "epoch 2"]),
        ({"x": "prompt", "y": "seed", "z": "weight=1"}, 2, ["without LoRA", "weight 1"]),
        ({"x": "seed=1,2"}, 0, ["seed 1, without LoRA", "seed 1", "seed 2, without LoRA", "seed 2"]),
        ({"x": "blocks=ALL,OUTD"}, 0, ["without LoRA", "blocks ALL", "blocks OUTD"]),
        ({"x": "cfg=1,2", "y": "steps=2"}, 0, ["cfg 1, without LoRA", "cfg 1", "cfg 2, without LoRA", "cfg 2"]),
    ],
)
def test_some_are_always_without_the_lora(plotting, written, place, expected):
    plot, _, _ = plotting(**written)
    assert labels(plot)[place] == expected
    bare = [cell for cell in plot.cells if cell.without]
    assert bare
    assert all(cell.shot.lora is None and not {"epoch", "weight"} & cell.words.keys() for cell in bare)
    assert all(cell.shot.lora for cell in plot.cells if not cell.without)


def test_prompts_fill_a_direction_that_is_free(plotting):
    plot, _, _ = plotting(x="weight")
    assert labels(plot)[1] == ["zorbl", "zorbl, zorbl_cape"]
    plot, _, _ = plotting("prompt=2", "epoch=1", x="weight")
    assert labels(plot)[1:] == [[""], [""]]
    assert {cell.shot.prompt for cell in plot.cells} == {"zorbl, zorbl_cape"}
    assert {cell.words["epoch"] for cell in plot.cells if not cell.without} == {1}


@pytest.mark.parametrize(
    ("fixed", "written", "names"),
    [
        ([], {}, ["epoch", "weight", "prompt"]),
        ([], {"z": "prompt=1"}, ["epoch", "weight", "prompt"]),
        ([], {"y": "weight=1"}, ["epoch", "weight", "prompt"]),
        ([], {"y": "seed=1"}, ["epoch", "seed", "prompt"]),
        ([], {"y": "epoch"}, ["weight", "epoch", "prompt"]),
        ([], {"x": "seed=1,2"}, ["seed", "prompt", ""]),
        (["epoch=1", "prompt=1"], {}, ["weight", "", ""]),
    ],
)
def test_directions_that_are_not_said(plotting, fixed, written, names):
    plot, _, _ = plotting(*fixed, **written)
    assert [next((name for head in heads for name in head.sets), "") for heads in plot.heads] == names


def test_weight_0_in_another_direction_is_the_base(plotting, painter):
    plot, pictures, _ = plotting(x="epoch", y="weight=0,1", z="seed=3")
    assert len({*pictures[:3]}) == 1
    assert [cell.without for cell in plot.cells] == [True, True, True, True, False, False]
    assert len(painter.drawn) == 3


def test_each_base_is_loaded_once_and_the_own_comes_first(plotting, project, painter):
    shutil.copytree(project / "base", project / "other")
    (project / "other/unet/diffusion_pytorch_model.safetensors").write_bytes(b"another")
    plot, pictures, _ = plotting(x="base=other", y="epoch=2", z="seed=5")
    assert labels(plot)[:2] == [["base (its own)", "base other"], ["without LoRA", "epoch 2"]]
    assert painter.loaded == ["base", "other"]
    assert len({*pictures}) == 4
    assert {row["lora"] for row in painter.drawn} == {None, plot.cells[2].shot.lora}


def test_a_base_that_is_not_there_is_said(plotting):
    with pytest.raises(ProjectError, match="there is no model at 'nowhere'") as error:
        plotting(x="base=nowhere")
    assert error.value.where == "base nowhere"


def test_variants_stand_side_by_side(project, painter):
    light.write(project, variants={"wide": {"network": {"dim": 4}}})
    light.finished(project)
    with light.viewed(project) as view:
        attach(view, light.opened(project))
        light.plant(view.variants[0], "train")
    with viewing(light.opened(project)) as view:
        plot = xyz.plotted(view, {"x": ["variant"], "y": ["seed=9"]}, [], Bases())
        pictures, _ = xyz.pictures(view, plot, Bases(), silent)
    assert labels(plot)[0] == ["without LoRA", "no variant", "variant wide"]
    assert len({*pictures}) == 6, "of two prompts"


def test_what_cannot_be_is_said(plotting):
    for fixed, written, what in (
        (["epoch=1"], {"x": "epoch"}, "`epoch` is said twice"),
        ([], {"x": "seed", "y": "seed=1"}, "`seed` is said twice"),
        ([], {"x": "seed=1-100", "y": "cfg=1-20"}, "a grid of 8000 pictures"),
    ):
        with pytest.raises(ProjectError, match=what):
            plotting(*fixed, **written)


def test_what_holds_for_all_of_it(plotting):
    plot, _, _ = plotting("weight=0.5", x="epoch")
    assert {cell.words["weight"] for cell in plot.cells if not cell.without} == {0.5}
    assert plot.fixed == {"weight": 0.5}


def test_a_slider_is_shown_along_its_strengths(project, painter):
    target = {"target": "1girl", "positive": "1girl, smile", "negative": "1girl, frown"}
    slider = {"targets": [target], "strengths": [-1, 0, 1], "steps": 100, "every": 50}
    none = dict.fromkeys(("concepts", "triggers", "images", "budget", "captions"))
    light.write(project, kind="slider", slider=slider, training={"train": "unet"}, **none)
    light.built(project)
    with light.viewed(project) as view:
        light.plant(view, "text", "train")
    with viewing(light.opened(project)) as view:
        plot = xyz.plotted(view, {}, [], Bases())
        xyz.pictures(view, plot, Bases(), silent)
    assert labels(plot) == [
        ["without LoRA", "weight -1", "weight 1"],
        ["epoch 1", "epoch 2"],
        ["zorbl", "zorbl, zorbl_cape"],
    ]
    assert {row["weight"] for row in painter.drawn} == {0.0, -1.0, 1.0}
