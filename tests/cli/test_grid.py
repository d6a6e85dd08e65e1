import json

import light
import pytest
from painted import Painter

from lorabuild.cli.main import main


@pytest.fixture
def painter(monkeypatch):
    return Painter(monkeypatch)


def test_it_names_the_files_it_wrote(project, painter, capsys, monkeypatch):
    light.finished(project)
    monkeypatch.chdir(project)
    assert main(["grid", "--x", "seed=1,2", "--at", "prompt=1"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == ["out/grid/seed.png", "out/grid/seed.html"]
    assert "sample    done" not in err
    assert "4 done" in err
    assert main(["grid", "--x", "seed=1,2", "--at", "prompt=1"]) == 0
    assert "sample    up to date" in capsys.readouterr().err
    assert len(painter.drawn) == 4


def test_programs_get_one_object(project, painter, capsys, tmp_path):
    light.finished(project)
    axes = ["--x", "weight=0.5", "--y", "prompt=a, b", "--y", "prompt=2", "--set", "samples.seed=5"]
    line = ["-C", str(project), "grid", *axes, "--json"]
    assert main([*line, "-o", str(tmp_path / "g.webp")]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["files"] == [str(tmp_path / "g.webp")]
    assert [cell["prompt"] for cell in told["cells"]] == ["a, b", "a, b", "zorbl, zorbl_cape", "zorbl, zorbl_cape"]
    assert told["ran"] == 4
    assert painter.loaded == ["base"]


def test_words_of_lora_yaml_can_be_said_for_it(project, painter):
    light.finished(project)
    assert main(["-C", str(project), "grid", "--x", "weight=0.5", "--set", "samples.steps=3", "-q"]) == 0
    assert {row["steps"] for row in painter.drawn} == {3}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["--x", "epoch=7"], "lorabuild: epoch=7: there is no epoch 7\n  → trained and kept: 1 to 2\n"),
        (["--x", "epohc"], "lorabuild: axis epohc: there is no axis `epohc`\n  → did you mean `epoch`?\n"),
    ],
)
def test_what_there_is_not_is_said(project, painter, capsys, line, said):
    light.finished(project)
    assert main(["-C", str(project), "grid", *line]) == 2
    assert capsys.readouterr().err == said


def test_before_training_it_says_what_to_run(project, capsys):
    assert main(["-C", str(project), "grid"]) == 2
    assert capsys.readouterr().err == (
        "lorabuild: tiny isn't trained as lora.yaml stands\n  → run `lorabuild` first: it trains what is missing\n"
    )
