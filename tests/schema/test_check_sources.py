import json

import pytest
from PIL import Image

from lorabuild.schema.check_sources import sources, there
from lorabuild.schema.load import load

SETTINGS = {"name": "t", "base": {"model": "b"}, "concepts": {"a": {"folder": "a"}, "misc": {}}}


@pytest.fixture
def told(tmp_path):
    """Place → what is said of these sources."""
    (tmp_path / "raw").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "raw/a.png")
    for name in ("a.zip", "a.rar", "b.mkv"):
        (tmp_path / "raw" / name).write_bytes(b"")

    def ask(*given, **sections):
        (tmp_path / "lora.yaml").write_text(json.dumps(SETTINGS | {"sources": list(given)} | sections), "utf-8")
        loaded = load(tmp_path)
        said = {".".join(trail): f"{what} → {step}" for trail, what, step in there(loaded)}
        return said | {problem.where.rpartition(" ")[2]: problem.what for problem in sources(loaded)}

    return ask


def test_a_source_that_is_right(told):
    assert told({"path": "raw/a.zip", "into": "misc"}) == {}
    assert told({"path": "raw/*.png", "into": "misc"}, {"path": "raw", "into": "a"}) == {}
    assert told({"path": "raw/b.mkv", "into": "misc", "every": "2s", "from": "1:30", "to": "2m"}) == {}


def test_a_concept_without_folder_needs_a_source(told):
    assert "no source leads into it" in told({"path": "raw/a.zip", "into": "a"})["concepts.misc"]


@pytest.mark.parametrize(
    ("source", "where", "words"),
    [
        ({"path": "raw/a.zap"}, "sources.0.path", "did you mean `raw/a.zip`?"),
        ({"path": "nowhere/*.png"}, "sources.0.path", "there is no `nowhere/*.png`"),
        ({"path": "raw/a.rar"}, "sources.0.path", "nothing that pictures are taken from"),
        ({"path": "$LORABUILD_NOT_SET/a.zip"}, "sources.0.path", "export LORABUILD_NOT_SET="),
        ({"path": "."}, "sources.0.path", "output folder"),
        ({"into": "mics"}, "sources.0.into", "there is no concept `mics`"),
        ({"frames": "all", "every": "1s"}, "sources.0.every", "both say"),
        ({"path": "raw/b.mkv", "every": "0s"}, "sources.0.every", "no time lies between"),
        ({"path": "raw/b.mkv", "from": "2m", "to": "90s"}, "sources.0.to", "does not lie after"),
        ({"path": "raw/a.zip", "from": "2m"}, "sources.0.from", "is for films"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(told, source, where, words):
    said = told({"path": "raw/a.zip", "into": "misc"} | source, {"path": "raw/a.zip", "into": "misc"})
    assert words in said[where]
