import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from lorabuild.core import statcache
from lorabuild.core.digest import digest
from lorabuild.core.stamps import FINE, Now, Stamp
from lorabuild.core.statcache import StatCache
from lorabuild.core.store import Store

LONG_AGO = 1_600_000_000_000_000_000
MARK = Stamp(0, LONG_AGO, LONG_AGO, 1, 1)


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / ".lorabuild") as opened:
        yield opened


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"pixels")
    return path


class Disk:
    """Stat results as the test wants them: all files are old, unless it says otherwise."""

    def __init__(self, **wanted):
        self.wanted = wanted

    def __call__(self, what):
        real = os.stat(what)  # noqa: PTH116 -- it may be a descriptor
        fields = {name: getattr(real, name) for name in dir(real) if name.startswith("st_")}
        fields |= {"st_mtime_ns": LONG_AGO, "st_ctime_ns": LONG_AGO} | self.wanted
        return SimpleNamespace(**fields)


def look(store, path, disk=None, *, rehash=False):
    return StatCache(store, rehash=rehash, look=disk or Disk()).digests([path])[path]


def test_hashed_once(store, image):
    first = look(store, image)
    assert (first.digest, first.size, first.hashed) == (digest(b"pixels"), 6, True)
    second = look(store, image)
    assert (second.digest, second.hashed) == (first.digest, False)


def test_paths_may_be_strings(store, image):
    path = os.fspath(image)
    assert StatCache(store).digests([path])[path].digest == digest(b"pixels")


@pytest.mark.parametrize("field", ["st_mtime_ns", "st_ctime_ns", "st_size", "st_ino", "st_dev"])
def test_any_difference_is_hashed_again(store, image, field):
    look(store, image)
    other = Disk(**{field: LONG_AGO + 1 if field.endswith("ns") else 12345})
    assert look(store, image, other).hashed


def test_same_size_and_mtime_with_other_bytes(tmp_path, store, image):
    """What a checker of mtime and size misses."""
    old = image.stat()
    assert StatCache(store).digests([image])[image].digest == digest(b"pixels")
    image.write_bytes(b"PIXELS")
    os.utime(image, ns=(old.st_atime_ns, old.st_mtime_ns))
    assert image.stat().st_mtime_ns == old.st_mtime_ns
    assert StatCache(store).digests([image])[image].digest == digest(b"PIXELS")


def test_rehash_reads_everything(store, image):
    look(store, image)
    image.write_bytes(b"PIXELS")  # behind stamps that tell nothing
    assert look(store, image).digest == digest(b"pixels")
    assert look(store, image, rehash=True).digest == digest(b"PIXELS")
    assert look(store, image).digest == digest(b"PIXELS")


@pytest.mark.parametrize(("age", "kept"), [(-FINE, False), (0, False), (FINE, False), (FINE + 1, True)])
def test_a_racy_stamp_is_not_trusted(store, image, monkeypatch, age, kept):
    at = Now(ns=LONG_AGO, device=image.stat().st_dev, tick=FINE)
    monkeypatch.setattr(statcache, "now", lambda _folder: at)
    disk = Disk(st_mtime_ns=at.ns - age, st_ctime_ns=at.ns - age)
    assert look(store, image, disk).hashed
    assert look(store, image, disk).hashed is not kept


def test_a_clock_set_back_makes_no_stale_digest(store, image, monkeypatch):
    """Stamps from the future are never kept."""
    monkeypatch.setattr(statcache, "now", lambda _folder: Now(LONG_AGO - 10**12, image.stat().st_dev, FINE))
    assert look(store, image).hashed
    assert look(store, image).hashed


def test_the_clock_is_asked_before_a_file_is_read(store, image, monkeypatch):
    asked = []
    monkeypatch.setattr(statcache, "now", lambda _folder: asked.append("now") or Now(LONG_AGO + 10**12, 0, FINE))
    monkeypatch.setattr(statcache, "steady_digest", lambda *_: asked.append("read") or (digest(b""), MARK))
    look(store, image)
    assert asked == ["now", "read"]


def test_problems(tmp_path, store):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "folder").mkdir()
    paths = [tmp_path / name for name in ("gone", "pipe", "loop", "folder")]
    found = StatCache(store).digests(paths)
    assert [found[path].problem for path in paths] == [
        "no such file or directory",
        "is not an ordinary file",
        "too many levels of symbolic links",
        "is not an ordinary file",
    ]
    assert all(entry.digest is None for entry in found.values())


def test_a_moved_project_needs_no_hashing(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    (old / "a.png").write_bytes(b"x")
    with Store(old / ".lorabuild") as store:
        look(store, old / "a.png")
    old.rename(new)
    with Store(new / ".lorabuild") as store:
        assert not look(store, new / "a.png").hashed


def test_a_reader_keeps_nothing(tmp_path, image):
    with Store(tmp_path / ".lorabuild", read_only=True) as store:
        assert look(store, image).hashed
        assert look(store, image).hashed
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png"]


def test_an_interrupt_keeps_what_was_hashed(tmp_path, store, monkeypatch):
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for path in paths:
        path.write_bytes(path.name.encode())
    real = statcache.steady_digest

    def interrupted(path, look):
        if path.endswith("2.png"):
            raise KeyboardInterrupt
        return real(path, look)

    monkeypatch.setattr(statcache, "steady_digest", interrupted)
    with pytest.raises(KeyboardInterrupt):
        StatCache(store, look=Disk()).digests(paths)
    monkeypatch.undo()
    found = StatCache(store, look=Disk()).digests(paths)
    assert [found[path].hashed for path in paths] == [False, False, True]


def test_long_hashing_is_saved_on_the_way(store, image, monkeypatch):
    monkeypatch.setattr(statcache, "_SAVE_EVERY", -1.0)
    cache = StatCache(store, look=Disk())
    cache._hash(os.fspath(image), b"a.png", Now(LONG_AGO + 10**12, image.stat().st_dev, FINE))
    assert not look(store, image).hashed


def test_names_that_are_no_text(tmp_path, store):
    name = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\n.png")
    Path(name).write_bytes(b"x")
    assert look(store, name).digest == digest(b"x")
    assert not look(store, name).hashed


@pytest.mark.parametrize("change", ["digest = zeroblob(36)", "digest = x'00'", "stamp = stamp || ' '"])
def test_a_row_that_was_damaged_is_not_believed(store, image, change):
    look(store, image)
    assert not look(store, image).hashed
    with store.database.transaction() as link:
        link.execute(f"UPDATE stats SET {change}")
    assert look(store, image).digest == digest(b"pixels")
