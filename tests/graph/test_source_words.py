from pathlib import Path

from lorabuild.core.statcache import StatCache
from lorabuild.core.store import Store
from lorabuild.graph.source_words import laid_down, place, rows


def test_words_are_laid_down_once_each(tmp_path):
    told = {tmp_path / "a.png": "a hat", tmp_path / "b.png": "a hat", tmp_path / "c.png": "a bow"}
    with Store(tmp_path / ".lorabuild") as store:
        folder, texts = laid_down(store, StatCache(store), told)
    assert {path: texts[path].read_text("utf-8") for path in told} == told
    assert len(list(folder.glob("*.txt"))) == 2


def test_paths_start_at_the_list(tmp_path):
    listing = tmp_path / "list.csv"
    listing.write_text("path\nsub/a.png\n../b.png\n/c.png\n", "utf-8")
    found, wrong = rows(listing)
    assert [place(listing, row) for row in found] == [
        tmp_path / "sub/a.png",
        tmp_path / "../b.png",
        Path("/c.png"),
    ]
    assert not wrong
    assert rows(tmp_path / "gone.csv") == ([], {0: "it can't be read"})
