"""``lorabuild.cli.try``: one picture, and the prompt loop through a pipe."""

import io
import json
import sys
from importlib import import_module

import light
import pytest
from painted import Painter

from lorabuild.cli.main import main


@pytest.fixture
def painter(monkeypatch):
    return Painter(monkeypatch)


@pytest.fixture
def here(project, painter, monkeypatch):
    light.finished(project)
    monkeypatch.chdir(project)


@pytest.fixture
def typed(here, monkeypatch, capsys):
    """Types lines into the loop; what came on stdout and stderr."""

    def type_in(*lines, options=()):
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        assert main(["try", *options]) == 0
        out, err = capsys.readouterr()
        return out.splitlines(), err.splitlines()

    return type_in


def test_a_picture_with_the_built_lora(here, painter, capsys):
    assert main(["try", "zorbl, hat", "-w", "0.8", "--epoch", "1", "--seed", "7", "--size", "64x32"]) == 0
    assert capsys.readouterr().out == "out/try/0001-zorbl-hat.png\n"
    (drawn,) = painter.drawn
    assert (drawn["prompt"], drawn["weight"], drawn["epoch"], drawn["seed"]) == ("zorbl, hat", 0.8, 1, 7)
    assert drawn["size"] == [64, 32]


def test_several_and_for_programs(here, capsys, tmp_path):
    assert main(["try", "{trigger}, hat --d 3", "-n", "2", "--json", "-o", str(tmp_path / "x.png")]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(row["prompt"], row["seed"]) for row in told] == [
        *(("zorbl, hat", 3), ("zorbl, hat", 4), ("zorbl_cape, hat", 3), ("zorbl_cape, hat", 4)),
    ]
    assert [row["path"] for row in told] == [str(tmp_path / f"x-{number}.png") for number in range(1, 5)]


def test_the_loop_draws_line_after_line_with_one_model(typed, painter):
    out, err = typed("zorbl", "", "/weight 0.5", "", "/seed 9", "zorbl, hat")
    assert [(row["seed"], row["weight"]) for row in painter.drawn] == [(43, 1.0), (44, 0.5), (9, 0.5)]
    assert painter.loaded == ["base"], "the first was drawn by the build"
    assert out == [f"out/try/000{place}-{name}.png" for place, name in enumerate(["zorbl"] * 3 + ["zorbl-hat"], 1)]
    assert err == [
        "epoch 2, weight 0.5, seed 42, size 64x64, steps 20, cfg 7",
        "epoch 2, weight 0.5, seed 9, size 64x64, steps 20, cfg 7",
    ]


def test_no_mistake_ends_the_loop(typed):
    out, err = typed("", "/epoch 9", "/wieght 1", "/size", "zorbl --q 3", "/", "zorbl", "/quit", "never read")
    assert out == ["out/try/0001-zorbl.png"]
    text = "\n".join(err)
    for said in ("there is no epoch 9", "did you mean `weight`?", "`` is no size", "there is no option `--q`"):
        assert said in text
    assert "/settings     what is set" in err


def test_programs_hear_of_mistakes_too(typed):
    out, _ = typed("/epoch 9", "zorbl", options=["--json"])
    first, second = map(json.loads, out)
    assert (first["event"], first["what"]) == ("error", "there is no epoch 9")
    assert second["prompt"] == "zorbl"


def test_too_little_memory_does_not_end_it(typed, painter, monkeypatch):
    def full(*_):
        raise RuntimeError("CUDA out of memory. Tried to allocate 9 GiB")

    monkeypatch.setattr("lorabuild.stages.sample.draw", full)
    out, err = typed("zorbl, hat", "/size 32", "zorbl")
    assert out == []
    assert err.count("lorabuild: there is not enough memory for that") == 2


def test_a_fault_of_ours_is_not_hidden(typed, monkeypatch):
    monkeypatch.setattr("lorabuild.stages.sample.draw", None)
    with pytest.raises(TypeError):
        typed("zorbl, hat")


def test_before_training_it_says_what_to_run(project, capsys):
    for line in (["try"], ["try", "zorbl"]):
        assert main(["-C", str(project), *line]) == 2
        assert "run `lorabuild` first" in capsys.readouterr().err


def test_the_help_names_every_setting():
    module = import_module("lorabuild.cli.try")
    assert all(f"/{name} " in module.HELP for name in (*module.SETS, "number", "steps", "cfg", "sampler", "blocks"))
