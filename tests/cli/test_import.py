"""lorabuild.cli.import and lorabuild.cli.export: what is printed, and where; ``init --from``."""

import json
import shutil
import sys
from pathlib import Path

import pytest
from PIL import Image

from lorabuild.cli.main import main
from lorabuild.schema.load import load

sys.path.insert(0, str(Path(__file__).parents[1] / "graph"))  # light.py

import light


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    light.base(tmp_path / "base")
    for number, text in enumerate(("zorbl, hat", "zorbl, bow")):
        place = tmp_path / f"img/6_zorbl creature/{number}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (64, 64), (number * 90, 10, 60)).save(place)
        place.with_suffix(".txt").write_text(f"{text}\n", "utf-8")
    preset = Path(__file__).parents[1] / "data/kohya/gui_loha.json"
    shutil.copy(preset, tmp_path / "preset.json")


IMPORT = ["import", "kohya", "img", "preset.json", "-o", "p", "--base", "base"]


def test_an_import_says_where_everything_went(capsys):
    assert main(IMPORT) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == "  zorbl  2 images × 6  img/6_zorbl creature"
    assert lines[1] == "  2 of 2 captions as the standard trainer reads them"
    for title in ("came along", "needs no word", "has no equivalent", "is unknown"):
        assert any(line.startswith(f"{title} (") for line in lines)
    assert any(line.split() == ["network_dim:", "32", "network.dim:", "32"] for line in lines)
    assert "wrote lora.yaml, .gitignore, .gitattributes\n" in err
    assert "lorabuild -C p plan" in err
    assert load(Path("p")).project.network.type == "loha"
    assert main(["-C", "p", "plan"]) == 3


def test_an_import_never_replaces(capsys):
    assert main(IMPORT) == 0
    text = Path("p/lora.yaml").read_text("utf-8")
    Path("p/.gitignore").write_text("mine", "utf-8")
    assert main(IMPORT) == 2
    assert "lora.yaml is there already" in capsys.readouterr().err
    assert Path("p/lora.yaml").read_text("utf-8") == text
    Path("p/lora.yaml").unlink()
    assert main(IMPORT) == 0
    assert Path("p/.gitignore").read_text("utf-8") == "mine"


def test_a_dry_run_shows_the_file(capsys):
    assert main([*IMPORT, "--dry-run"]) == 0
    out, err = capsys.readouterr()
    assert "# My-LoRA: from img and preset.json\n" in out
    assert "nothing was written" in err
    assert not Path("p").exists()


def test_an_import_for_programs(capsys):
    assert main([*IMPORT, "--json", "--copy"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["concepts"][0]["repeats"] == 6
    assert found["captions"] == {"images": 2, "ending": ".txt", "different": []}
    assert "dataset/zorbl/0.png" in found["files"]
    assert {"key", "value", "status", "what"} == found["settings"][0].keys()


def test_there_and_back_on_the_command_line(capsys):
    assert main(IMPORT) == 0
    assert main(["-C", "p", "-q", "build", "caption"]) == 0
    capsys.readouterr()
    assert main(["-C", "p", "export", "kohya", "out", "--dry-run"]) == 0
    assert "nothing was written" in capsys.readouterr().out
    assert main(["-C", "p", "export", "kohya", "out"]) == 0
    assert "  zorbl: 2 images × 6\n" in capsys.readouterr().out
    for name in ("0.png", "0.txt", "1.png", "1.txt"):
        there, back = (Path(top, "6_zorbl creature", name).read_bytes() for top in ("img", "out/img"))
        assert there == back
    assert main(["-C", "p", "export", "imagefolder", "out2", "--json", "--images", "prepared"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["files"] == ["metadata.jsonl", "zorbl/0.png", "zorbl/1.png"]
    assert main(["-C", "p", "export", "kohya", "out"]) == 2


def test_init_takes_any_folder_of_images(capsys):
    assert main(["init", "q", "--from", "img/6_zorbl creature", "--base", "base"]) == 0
    assert "made lora.yaml, .gitignore, .gitattributes around zorbl (2 images)" in capsys.readouterr().err
    project = load(Path("q")).project
    assert project.concepts["zorbl"].repeats == 6
    assert main(["init", "r", "--from", "img", "--template", "style"]) == 2
    assert main(["init", "r", "--from", "nowhere"]) == 2
    assert main(["init", "r", "--from", "img", "--trigger", "two words"]) == 2
    assert not Path("r").exists()
