"""lorabuild.graph.pick and lorabuild.graph.judged: what is compared, once; which epoch is handed out."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "whole"))  # small.py
import small

from lorabuild.core.errors import ProjectError
from lorabuild.graph import judged, pick
from lorabuild.graph.session import viewing
from lorabuild.schema.check import check
from lorabuild.schema.load import load
from lorabuild.stages import sample


def looked(project, *overrides):
    loaded = load(project.root, list(overrides))
    check(loaded)
    return viewing(loaded)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The small project, built; and picked once, with few pictures."""
    folder = tmp_path_factory.mktemp("pick")
    made = small.make(folder / "tiny", small.make_models(folder / "models"))
    made.write("samples:", "judge: {pictures: 2, weights: [2]}\nsamples:")
    assert made.build().code == 0
    return made


@pytest.fixture(scope="module")
def picked(built):
    done = built.run("pick", "--json")
    assert done.code == 0, done.text
    return done.said[-1]


def test_every_epoch_has_a_row_and_one_is_picked(picked):
    assert [row["epoch"] for row in picked["rows"]] == [1, 2]
    assert picked["epoch"] in (1, 2)
    assert picked["verdict"] in ("good", "undertrained", "overtrained")
    assert len(picked["why"]) == 3
    assert [one["weight"] for one in picked["worn"]] == [1.0, 2.0]
    assert all(row["usable"] is None or row["epoch"] == picked["epoch"] for row in picked["rows"])
    assert picked["source"].endswith("mirrored (as it never saw them)")


def test_a_second_time_nothing_is_drawn(built, picked, monkeypatch):
    monkeypatch.setattr(sample, "run", None)
    assert built.run("pick", "--json").said[-1] == picked
    with looked(built) as view:
        assert json.loads(json.dumps(pick.known(view))) == picked


def test_it_moves_no_key_of_the_project(built, picked):
    assert built.build().ran == {"report": 1} or built.build().ran == {}  # the page shows what was picked
    assert built.build().ran == {}


def test_the_losses_are_those_of_what_is_unseen(built, picked):
    with looked(built, "images.flip=true", "output.epoch=last") as view:
        assert view.project.images.flip
        assert judged.source(view) == "the training images (which it was trained on)"


def test_captions_say_what_is_drawn_and_the_free_ones_have_no_trigger(built):
    with looked(built, "judge.pictures=5") as view:
        asked = judged.asked(view)
    assert [image.concept for image in asked.images] == ["plain", "cape", "plain", "cape", "plain"]
    assert [shot.prompt for shot in asked.shots] == [image.caption for image in asked.images]
    assert all("zorbl" in shot.prompt for shot in asked.shots[:1])
    assert len(asked.free) == 3
    assert not any("zorbl" in shot.prompt for shot in asked.free)
    assert len({shot.seed for shot in asked.shots}) == 5


def test_what_is_free_of_triggers_is_compared_with_the_images_whose_captions_it_is_of(built, picked):
    assert all(-3 < row["leak"] <= 1 for row in picked["rows"])
    with looked(built) as view:
        asked = judged.asked(view)
        made = view.store.results(item.key for item in judged.pictures(view, asked, (1,)))
        reads = judged.measure(view, asked, made, 1).reads
    assert len(reads["free"]) == len(reads["free_plain"]) == len(asked.free)
    assert reads["free_images"] == [str(image.pixels) for image in asked.images[::2]]


def test_auto_hands_out_what_pick_recommends_and_a_number_what_it_says(built, picked, tmp_path):
    copy = built.copy(tmp_path / "copy")
    auto = copy.build("--set", "output.epoch=auto")
    assert auto.code == 0, auto.text
    assert auto.ran.get("sample", 0) == 0  # all of it was made by `pick`
    last = copy.sha()
    other = copy.build("--set", f"output.epoch={3 - picked['epoch']}")
    assert other.ran.keys() <= {"package", "report"}  # no package where it is the last, which was built first
    assert copy.sha() != last
    assert copy.build("--set", f"output.epoch={picked['epoch']}").code == 0
    assert copy.sha() == last


def test_auto_makes_by_itself_what_it_needs(built, tmp_path):
    copy = built.copy(tmp_path / "copy")
    done = copy.build("--set", "output.epoch=auto", "--set", "training.seed=8", "--set", "samples.seed=4")
    assert done.code == 0, done.text
    with looked(copy, "output.epoch=auto", "training.seed=8", "samples.seed=4") as view:
        assert all(view.step(stage).clean for stage in ("sample", "package"))
        assert view.step("package").items[0].reads["epoch"] == pick.best(view)
        shown = view.step("package").items[0].reads["pictures"]
        assert {entry["prompt"] for entry in shown} == {"zorbl, red"}


def test_what_is_written_is_the_epoch_alone(built, picked, tmp_path):
    copy = built.copy(tmp_path / "copy")
    before = copy.path("lora.yaml").read_text("utf-8")
    done = copy.run("pick", "--write")
    assert done.code == 0, done.text
    assert f"epoch: {picked['epoch']}" in copy.path("lora.yaml").read_text("utf-8")
    assert copy.path("lora.yaml.bak").read_text("utf-8") == before
    assert load(copy.root).project.output.epoch == str(picked["epoch"])
    assert "says so already" in copy.run("pick", "--write").text


def test_held_out_images_are_what_is_unseen(built, tmp_path):
    copy = built.copy(tmp_path / "copy")
    words = ("--set", "training.validation={share: 0.3, timesteps: 2}")
    assert copy.build(*words).code == 0
    found = copy.run("pick", "--json", *words).said[-1]
    assert found["source"] == "the images that were held out"
    with looked(copy, words[1]) as view:
        log = view.store.read(view.made("train")["train"].outputs["log"]).decode().splitlines()
    measured = [row["validation"] for row in map(json.loads, log) if row.get("validation") is not None]
    assert [row["validation"] for row in found["rows"]] == pytest.approx(measured, rel=1e-4)


@pytest.mark.parametrize(
    ("word", "what"),
    [
        ("output.epoch=3", "there is no epoch 3"),
        ("output.epoch=first", "output.epoch"),
        ("judge.model=x", "config.json"),
    ],
)
def test_what_can_t_be_is_said(built, word, what):
    done = built.run("plan", "--set", word)
    assert done.code == 2
    assert what in done.text


def test_nothing_trained_is_said(built, tmp_path):
    done = built.run("pick", "--set", "training.seed=99")
    assert done.code == 2
    assert "nothing is trained yet" in done.text


def test_without_triggers_there_is_nothing_free_of_them(built, monkeypatch):
    monkeypatch.setattr(judged, "_triggers", lambda *_: ())
    with looked(built) as view:
        asked = judged.asked(view)
    assert len(asked.shots) == 2
    assert asked.free == []


def test_an_epoch_whose_loss_is_no_number_is_left_out_and_said(built, picked):
    with looked(built) as view:
        held, (_, *own) = pick._held(view), judged.losses(view)

        def without(*lost):
            keys = {item.key for item in lost}
            return lambda items: {
                key: replace(one, facts={"loss": None}) if key in keys else one for key, one in held(items).items()
            }

        other = 3 - picked["epoch"]
        found = pick._picked(view, without(own[other - 1]))
        assert [row.epoch for row in found.rows] == [picked["epoch"]] == [found.epoch]
        assert found.why[-1] == f"Epoch {other} is left out: its loss is no number."
        with pytest.raises(ProjectError, match="no loss is a number"):
            pick._rows(view, without(*own))
