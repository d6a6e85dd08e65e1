import light
import pytest
from painted import Painter

from lorabuild.core.errors import ProjectError
from lorabuild.graph.drawing import Shot
from lorabuild.graph.session import viewing
from lorabuild.graph.trying import Trial, places, save, told


@pytest.fixture
def painter(monkeypatch):
    return Painter(monkeypatch)


@pytest.fixture
def trial(project, painter):
    light.finished(project)
    with viewing(light.opened(project)) as view:
        yield Trial(view, view)


def test_the_epoch_that_is_handed_out_at_its_usual_weight(trial):
    (shot,) = trial.shots("zorbl, hat")
    assert (shot.prompt, shot.epoch, shot.weight, shot.seed) == ("zorbl, hat", 2, 1.0, 42)


def test_settings_hold_for_every_prompt(trial):
    for name, text in (("weight", "0.5"), ("epoch", "1"), ("size", "64x96"), ("number", "2"), ("negative", "dull")):
        trial.set(name, text)
    first, second = trial.shots("{triggers}")
    assert first.prompt == "zorbl, zorbl_cape"
    assert (first.weight, first.epoch, first.size, first.negative) == (0.5, 1, (64, 96), "dull")
    assert (first.seed, second.seed) == (42, 43)
    assert len(trial.shots("{trigger}")) == 4
    trial.set("size", "32")
    assert trial.shots("a")[0].size == (32, 32)
    assert trial.shots("a --w 64 --h 64 --weight 2")[0].size == (64, 64), "what a line says itself wins"
    with pytest.raises(ProjectError, match="no picture is 70x64 pixels"):
        trial.shots("a --w 70")


def test_the_epoch_that_is_handed_out_is_drawn_as_it_is_handed_out(project, painter):
    light.finished(project)
    light.write(project, finish=[{"rebase": {"from": 0.5, "to": 0.8}}])
    with viewing(light.opened(project)) as view:
        trial = Trial(view, view)
        (first,) = trial.shots("zorbl")
        trial.set("epoch", "1")
        (second,) = trial.shots("zorbl")
    assert (first.finished, first.weight) == (True, 0.8)
    assert (second.finished, second.weight) == (False, 1.0)


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("epoch", "9", "there is no epoch 9"),
        ("epoch", "1,2", "one epoch at a time"),
        ("weight", "much", "`much` is no number"),
        ("size", "512 by 512", "`512 by 512` is no size"),
        ("size", "4x512", "`4x512` is no size"),
        ("number", "0", "`0` is no number"),
        ("wieght", "1", "there is nothing called `wieght` to set"),
    ],
)
def test_what_cannot_be_set_is_said_and_changes_nothing(trial, name, text, what):
    before = dict(trial.words)
    with pytest.raises(ProjectError, match=what):
        trial.set(name, text)
    assert trial.words == before


def test_the_model_is_loaded_with_the_first_picture_and_stays(trial, painter):
    assert painter.loaded == []
    for prompt in ("a", "b", "a"):
        trial.draw(trial.shots(prompt))
    assert painter.loaded == ["base"]
    assert len(painter.drawn) == 2


def test_pictures_are_numbered_and_none_is_written_over(trial, project):
    shots = [Shot("zorbl, Hat!"), Shot("森")]
    paths = places(trial.view, shots)
    save(paths, [b"1", b"2"])
    names = [path.relative_to(project).as_posix() for path in paths]
    assert names == ["out/try/0001-zorbl-hat.png", "out/try/0002-picture.png"]
    (third,) = places(trial.view, [Shot("zorbl")])
    assert third.name == "0003-zorbl.png"


def test_a_place_of_ones_own(trial, tmp_path):
    one, two = Shot("a"), Shot("b")
    x = str(tmp_path / "x.png")
    assert places(trial.view, [one], x) == [tmp_path / "x.png"]
    assert [path.name for path in places(trial.view, [one, two], str(tmp_path / "x"))] == ["x-1.png", "x-2.png"]
    assert places(trial.view, [one], str(tmp_path)) == [tmp_path / "0001-a.png"]
    assert places(trial.view, [one], f"{tmp_path}/new/") == [tmp_path / "new/0001-a.png"]
    with pytest.raises(ProjectError, match="can't be written as"):
        places(trial.view, [one], "x.jpg")
    save([tmp_path / "x.png"], [b"1"])
    with pytest.raises(ProjectError, match="is there already"):
        places(trial.view, [one], x)
    assert places(trial.view, [one], x, replace=True) == [tmp_path / "x.png"]


def test_what_programs_are_told(tmp_path):
    shot = Shot("a", seed=3, lora="b3:1", weight=0.5, epoch=2, size=(64, 96))
    found = told(shot, tmp_path / "x.png")
    assert found["path"] == str(tmp_path / "x.png")
    assert (found["epoch"], found["weight"], found["size"], found["seed"]) == (2, 0.5, [64, 96], 3)
