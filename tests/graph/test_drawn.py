from dataclasses import replace

import light
import pytest
from painted import Painter

from lorabuild.graph.drawing import Shot, asked, epoch_name
from lorabuild.graph.drawn import drawn, said
from lorabuild.graph.session import viewing


@pytest.fixture
def painter(monkeypatch):
    return Painter(monkeypatch)


@pytest.fixture
def view(project):
    light.finished(project)
    with viewing(light.opened(project)) as view:
        yield view


def worn(view, epoch, weight=1.0):
    lora = view.made("train")["train"].outputs[epoch_name(epoch)]
    return replace(asked(view, "zorbl"), lora=lora, epoch=epoch, weight=weight)


def test_what_the_build_drew_is_taken_from_it(view, painter):
    assert drawn(view, [asked(view, "zorbl"), worn(view, 2)]) == [b"picture", b"picture"]
    assert painter.drawn == painter.loaded == []


def test_what_is_new_is_drawn_once_and_kept(view, painter):
    shots, events = [worn(view, 1, 0.5), worn(view, 2), worn(view, 1, 0.5), worn(view, 1, 0.25)], []
    found = drawn(view, shots, events.append)
    assert found[0] == found[2] != found[3]
    assert [(row["epoch"], row["weight"]) for row in painter.drawn] == [(1, 0.5), (1, 0.25)]
    assert (events[0].kind, events[0].data["total"], events[0].data["todo"]) == ("stage", 3, 2)
    assert (events[-1].kind, events[-1].data["ran"], events[-1].data["reused"]) == ("stage_done", 2, 1)
    assert drawn(view, shots, events.append) == found
    assert len(painter.drawn) == 2
    assert (events[-1].data["ran"], events[-1].data["reused"]) == (0, 3)


def test_a_picture_that_was_lost_is_drawn_again(view, painter, project):
    (before,) = drawn(view, [worn(view, 1, 0.5)])
    with light.viewed(project) as writable:
        key = writable.store.latest("sample")["on demand: epoch 1, weight 0.5 · zorbl"]
        writable.store.blobs.quarantine(writable.store.results([key])[key].outputs["picture"])
    assert drawn(view, [worn(view, 1, 0.5)]) == [before]
    assert len(painter.drawn) == 2


def test_inside_a_build_its_own_store_is_used(project, painter):
    light.finished(project)
    with light.viewed(project) as view:
        drawn(view, [worn(view, 1, 0.5)])
    assert len(painter.drawn) == 1


def test_a_model_that_is_loaded_already_draws(view, painter):
    for seed in (1, 2):
        drawn(view, [replace(worn(view, 1), seed=seed)], easel=lambda: "base")
    assert len(painter.drawn) == 2
    assert painter.loaded == []


def test_names():
    assert said(Shot("zorbl", lora="b3:1", weight=0.5, epoch=3)) == "on demand: epoch 3, weight 0.5 · zorbl"
    assert said(Shot("zorbl")) == "on demand: without LoRA · zorbl"
