import json
import subprocess
import sys
from pathlib import Path

import pytest
from kept import Kept
from PIL import Image

from lorabuild.core.digest import digest
from lorabuild.core.errors import ProjectError, StageError
from lorabuild.core.events import silent
from lorabuild.core.item import Item
from lorabuild.images import decode
from lorabuild.schema.project import Project
from lorabuild.schema.site import Site
from lorabuild.stages import tag
from lorabuild.taggers import session

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}


def make_site(root, tagger):
    words = {
        "name": "zorbl",
        "base": {"model": "base"},
        "concepts": {"plain": {"folder": "dataset"}},
        "captions": {"tagger": tagger},
        "device": {"type": "cpu", "threads": 1},
    }
    return Site(Project.model_validate(words), root)


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1]))
    import tiny_tagger

    tiny_tagger.make(tmp_path / "tagger")
    return make_site(tmp_path, {"type": "wd14", "model": "tagger"})


def picture_items(site, count=3):
    made = []
    for number in range(count):
        path = site.root / f"{number}.png"
        Image.new("RGB", (20 + number, 16), list(COLOURS.values())[number % 3]).save(path)
        pixels = decode.prepared(path, site.project.images).pixels
        made.append(
            Item(
                path.name, f"b3:{number:064x}", {"pixels": pixels}, {"path": str(path), "pixels": pixels, "side": None}
            )
        )
    return made


def text_item(root, text, planned=True):
    path = root / "a.txt"
    path.write_bytes(text)
    parts = {"text": digest(text) if planned is True else planned}
    return Item("a.png", "b3:" + "0" * 64, parts, {"path": "nowhere.png", "pixels": "b3:…", "side": str(path)})


def scores(outputs, name):
    return json.loads(outputs.made(name, "scores"))


def test_every_picture_gets_its_scores_and_record(site):
    outputs, events = Kept(), []
    tag.run(picture_items(site), site, outputs, events.append)
    assert [scores(outputs, f"{n}.png")[0][0] for n in range(3)] == ["red", "green", "blue"]
    assert all(len(entry) == 3 for entry in scores(outputs, "0.png"))
    assert outputs.records["0.png"]["device"] == "cpu"
    assert [event.data for event in events if event.kind == "progress"] == [
        {"done": done, "total": 3, "unit": "images"} for done in (1, 2, 3)
    ]


def test_bytes_do_not_depend_on_company_or_order(site):
    together, alone = Kept(), Kept()
    items = picture_items(site, 7)
    tag.run(items, site, together, silent)
    for item in reversed(items):
        tag.run([item], site, alone, silent)
    assert alone.finished == together.finished


def test_a_picture_that_changed_since_the_plan_is_left_undone(site):
    outputs, events = Kept(), []
    items = picture_items(site)
    Image.new("RGB", (9, 9), (1, 2, 3)).save(items[0].reads["path"])
    Path(items[1].reads["path"]).unlink()
    tag.run(items, site, outputs, events.append)
    assert set(outputs.finished) == {"2.png"}
    assert not outputs.problems
    assert [event.data["item"] for event in events if event.kind == "note"] == ["0.png", "1.png"]


def test_a_picture_that_broke_since_the_plan_is_left_undone(site):
    outputs = Kept()
    items = picture_items(site, 2)
    Path(items[0].reads["path"]).write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    tag.run(items, site, outputs, silent)
    assert set(outputs.finished) == {"1.png"}
    assert not outputs.problems


def test_what_the_tagger_can_not_tag_is_set_aside_and_the_rest_goes_on(site, monkeypatch):
    real = session.OnnxTagger._scores
    monkeypatch.setattr(
        session.OnnxTagger, "_scores", lambda self, row: real(self, row * float("nan") if row[4] > 0.9 else row)
    )
    outputs = Kept()
    tag.run(picture_items(site), site, outputs, silent)
    assert set(outputs.problems) == {"0.png"}
    assert set(outputs.finished) == {"1.png", "2.png"}


def test_a_missing_tagger_is_a_fault_of_the_project(site):
    items = picture_items(site, 1)
    with pytest.raises(ProjectError):
        tag.run(items, make_site(site.root, {"type": "wd14", "model": "./elsewhere"}), Kept(), silent)


def test_a_failing_model_stops_the_stage_and_blames_no_picture(site, monkeypatch):
    monkeypatch.setattr(session, "_shape", lambda _shape, _usual: (0, False, 17))
    outputs = Kept()
    with pytest.raises(StageError):
        tag.run(picture_items(site), site, outputs, silent)
    assert not outputs.problems


@pytest.fixture
def sidecar(tmp_path):
    return make_site(tmp_path, {"type": "sidecar"})


def test_side_files_are_read_in_their_order(sidecar):
    outputs = Kept()
    tag.run([text_item(sidecar.root, "\ufeffred cape, hat\nñandú".encode())], sidecar, outputs, silent)
    assert scores(outputs, "a.png") == [
        ["red cape", 1.0, "general"],
        ["hat", 1.0, "general"],
        ["ñandú", 1.0, "general"],
    ]


def test_no_side_file_is_no_tags(sidecar):
    outputs = Kept()
    item = Item("a.png", "b3:0", {"text": None}, {"path": "nowhere.png", "side": None})
    tag.run([item], sidecar, outputs, silent)
    assert scores(outputs, "a.png") == []


def test_a_side_file_that_changed_or_went_is_left_undone(sidecar):
    changed = text_item(sidecar.root, b"hat", planned=digest(b"cape"))
    gone = Item("b.png", "b3:1", {"text": digest(b"x")}, {"side": str(sidecar.root / "gone.txt")})
    outputs = Kept()
    tag.run([changed, gone], sidecar, outputs, silent)
    assert not outputs.finished
    assert not outputs.problems


def test_a_side_file_that_is_no_text_is_set_aside(sidecar):
    outputs = Kept()
    tag.run([text_item(sidecar.root, b"h\xffat")], sidecar, outputs, silent)
    assert outputs.problems == {"a.png": "a.txt is not UTF-8 text: save it as UTF-8"}


def test_a_side_file_that_could_never_be_read_is_set_aside(sidecar):
    (sidecar.root / "folder.txt").mkdir()
    item = Item("b.png", "b3:1", {"text": None}, {"side": str(sidecar.root / "folder.txt")})
    outputs = Kept()
    tag.run([item], sidecar, outputs, silent)
    assert "folder.txt can't be read" in outputs.problems["b.png"]


def test_side_files_need_no_heavy_library(sidecar):
    program = (
        "import sys; from pathlib import Path; from lorabuild.schema.project import Project; "
        "from lorabuild.schema.site import Site; from lorabuild.stages import tag; "
        "words = {'name': 'z', 'base': {'model': 'b'}, 'concepts': {'a': {'folder': 'd'}}}; "
        "tag.run([], Site(Project.model_validate(words), Path()), None, print); "
        "print([name for name in ('numpy', 'PIL', 'torch', 'onnxruntime') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"
