import pytest

from lorabuild.core.errors import StoreError
from lorabuild.core.statcache import StatCache
from lorabuild.core.store import Store
from lorabuild.graph.unfolded import FOLDER, sweep, unfolded


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / ".lorabuild") as made:
        yield made


class Filling:
    """Fills a folder and counts how often."""

    def __init__(self):
        self.times = 0

    def __call__(self, folder):
        self.times += 1
        (folder / "below").mkdir()
        (folder / "below/a.png").write_bytes(b"picture")
        return {"b.png": "is broken"}


def test_it_is_filled_once_and_remembers_what_was_left_out(store):
    fill = Filling()
    for _ in range(3):
        folder, refused = unfolded(store, StatCache(store), {"file": "x"}, fill, light=False)
        assert (folder / "below/a.png").read_bytes() == b"picture"
        assert refused == {"b.png": "is broken"}
    assert fill.times == 1
    assert unfolded(store, StatCache(store), {"file": "y"}, fill, light=False)[0] != folder


@pytest.mark.parametrize("how", ["edit", "delete", "add", "record", "kill"])
def test_a_folder_that_is_not_whole_is_filled_again(store, how):
    fill = Filling()
    folder, _ = unfolded(store, StatCache(store), "x", fill, light=False)
    if how == "edit":
        (folder / "below/a.png").write_bytes(b"another")
    elif how == "delete":
        (folder / "below/a.png").unlink()
    elif how == "add":
        (folder / "more.png").write_bytes(b"another")
    elif how == "record":
        (folder / ".done.json").write_bytes(b"{")
    else:
        (folder / ".done.json").unlink()
    again, _ = unfolded(store, StatCache(store), "x", fill, light=False)
    assert fill.times == 2
    assert [path.name for path in again.rglob("*.png")] == ["a.png"]
    assert (again / "below/a.png").read_bytes() == b"picture"


def test_what_is_only_read_unpacks_elsewhere_or_waits(tmp_path):
    with Store(tmp_path / ".lorabuild", read_only=True) as store:
        assert unfolded(store, StatCache(store), "x", Filling(), light=False) is None
        fill = Filling()
        for _ in range(2):
            folder, refused = unfolded(store, StatCache(store), str(tmp_path), fill, light=True)
        assert fill.times == 1
        assert refused
        assert not folder.is_relative_to(tmp_path / ".lorabuild")
    assert not (tmp_path / ".lorabuild").exists()


def test_sweeping_leaves_what_is_used(store):
    kept, _ = unfolded(store, StatCache(store), "x", Filling(), light=False)
    unfolded(store, StatCache(store), "y", Filling(), light=False)
    assert sweep(store.folder, {kept}) == 1
    assert list((store.folder / FOLDER).iterdir()) == [kept]
    assert sweep(store.folder / "nowhere", set()) == 0


def test_a_disk_that_refuses_is_told(store):
    def full(_folder):
        raise OSError(28, "No space left on device")

    with pytest.raises(StoreError, match="disk is full"):
        unfolded(store, StatCache(store), "x", full, light=False)
