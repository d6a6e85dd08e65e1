"""The disk, the system and the store fail: a message or a repair, the old state whole, the next build right."""

import errno
import os
import random
import shutil
import sqlite3

import light
import pytest
from kills import LIGHT
from lit import state
from warm import Warm

from lorabuild.core import blobs, database, files, nullindex, stamps
from lorabuild.core.errors import BlobError
from lorabuild.core.nullcheck import answer
from lorabuild.core.store import Store

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="builds are forked here")
LONG = ", ".join(f"tag{number}" for number in range(3000))
"""Tags whose scores are too long to stand in the database: they are a blob on the disk."""


@pytest.fixture
def laden(lit):
    """The light project with a blob of its own file."""
    lit.image("plain/b.tags").write_text(LONG, "utf-8")
    assert lit.build().ran == {"tag": 1, "caption": 1}
    return lit


def loose(project):
    return [path for path in project.path(".lorabuild/blobs").rglob("*") if path.is_file()]


def flipped(data, place, bit):
    spoiled = bytearray(data)
    spoiled[place] ^= 1 << bit
    return bytes(spoiled)


def spoil(path, data):
    path.chmod(0o644)
    path.write_bytes(data)


HARM = {
    "cut": lambda data: data[: len(data) // 2],
    "of no length": lambda _: b"",
    "with a flipped bit": lambda data: flipped(data, len(data) // 2, 3),
    "of zeros": lambda data: bytes(len(data)),
}


@pytest.mark.parametrize("harm", HARM.values(), ids=HARM)
def test_a_blob_that_went_bad_is_made_again(laden, harm):
    assert loose(laden)
    for path in loose(laden):
        spoil(path, harm(path.read_bytes()))
    light.write(laden.root, captions=light.SETTINGS["captions"] | {"drop": ["hat"]})  # captions read every score
    mended = laden.build()
    assert mended.code == 0
    assert "tag" in mended.ran
    laden.right()


@pytest.mark.parametrize("harm", HARM.values(), ids=HARM)
def test_small_blobs_that_went_bad_in_the_database_are_made_again(laden, harm):
    with sqlite3.connect(laden.path(".lorabuild/state.db")) as link:
        held = link.execute("SELECT digest, data FROM blobs WHERE data IS NOT NULL").fetchall()
        assert held
        link.executemany("UPDATE blobs SET data = ? WHERE digest = ?", [(harm(data), name) for name, data in held])
    link.close()
    laden.image("cape/e.txt").unlink()  # with a caption by hand, nobody reads the scores
    light.write(laden.root, captions=light.SETTINGS["captions"] | {"drop": ["hat"]})
    mended = laden.build()
    assert mended.code == 0
    assert "repair" in {note["code"] for note in mended.events("note")}
    laden.right()


@pytest.mark.parametrize("backup", [True, False], ids=["backup", "no backup"])
@pytest.mark.parametrize("seed", range(10))
def test_a_flipped_bit_anywhere_in_the_database_is_mended_or_does_no_harm(lit, seed, backup):
    before, chance = state(lit.root), random.Random(seed)
    store = lit.path(".lorabuild")
    data = (store / "state.db").read_bytes()
    for _ in range(4):
        shutil.rmtree(store)
        store.mkdir()
        (store / "state.db").write_bytes(flipped(data, chance.randrange(len(data)), chance.randrange(8)))
        if backup:
            (store / "state.backup").write_bytes(data)
        assert lit.build().code == 0
        try:
            assert state(lit.root) == before
        except BlobError:  # nothing had read it: who reads it finds it bad
            nullindex.drop_indexes(lit.root)
            assert lit.build().code == 0
            assert state(lit.root) == before


SPOILED = {
    "its head": lambda data: b"no database" + data[11:],
    "its schema": lambda data: data[:100] + bytes(400) + data[500:],
    "its tail": lambda data: data[: len(data) // 3],
    "all": lambda data: bytes(len(data)),
}


@pytest.mark.parametrize("harm", SPOILED.values(), ids=SPOILED)
def test_a_database_that_is_no_database_is_put_aside_and_that_is_said(lit, harm):
    before = state(lit.root)
    path = lit.path(".lorabuild/state.db")
    path.write_bytes(harm(path.read_bytes()))
    light.picture(lit.image("plain/b.png"), "black")
    mended = lit.build()
    assert mended.code == 0
    (told,) = [event["text"] for event in mended.events("warning") if event["code"] == "store-damaged"]
    assert "was damaged and has been" in told
    assert "the damaged file is kept as damaged-" in told
    assert list(path.parent.glob("damaged-*-state.db"))
    assert lit.right() != before


def test_a_write_ahead_log_of_garbage_is_passed_over(lit):
    lit.path(".lorabuild/state.db-wal").write_bytes(b"garbage" * 999)
    lit.path(".lorabuild/state.db-shm").write_bytes(b"garbage" * 999)
    lit.right()


INDEX = {**HARM, "of garbage": lambda _: b"garbage" * 99, "of text": lambda _: b"lorabuild"}


@pytest.mark.parametrize("name", ["null-balance.idx", "settled.idx"])
@pytest.mark.parametrize("harm", INDEX.values(), ids=INDEX)
def test_a_corrupt_index_sends_the_build_the_long_way(lit, name, harm):
    assert any(lit.build().code == 0 and answer(str(lit.root), "balance", "json") for _ in range(50))
    path = lit.path(f".lorabuild/{name}")
    spoil(path, harm(path.read_bytes()))
    process = lit.process("build", "balance")
    assert "nothing to do" in process.communicate(timeout=60)[1]
    assert process.returncode == 0
    assert path.exists() or any(
        lit.build().code == 0 and path.exists() for _ in range(50)
    )  # it waits for no young file
    light.picture(lit.image("plain/b.png"), "black")
    spoil(path, harm(path.read_bytes()))
    assert lit.build().ran == {"scan": 1, "prepare": 1}
    lit.right()


# ---- a full disk


def refusing(real, code, call):
    """The function, which fails from this call on."""
    calls = iter(range(10**6))

    def refuse(*words):
        if next(calls) >= call:
            raise OSError(code, os.strerror(code), str(words[0]))
        return real(*words)

    return refuse


def narrow(pages):
    """Databases that may grow to so many pages: beyond, SQLite finds the disk full, of itself."""
    real = database._connect

    def connect(*words, **named):
        link = real(*words, **named)
        link.execute(f"PRAGMA max_page_count = {pages}")
        return link

    return connect


REFUSED = {
    "a blob": (blobs, "write_plain", 0),
    "a blob's sync": (blobs, "sync_files", 0),
    "the lock": (os, "mkdir", 0),
    "the clock's probe": (stamps.os, "open", 0),
}


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EMFILE, errno.EROFS, errno.EDQUOT, errno.EIO])
@pytest.mark.parametrize(("room", "name", "call"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_of_the_disk_is_told_and_the_next_build_is_right(lit, monkeypatch, room, name, call, code):
    shutil.rmtree(lit.path(".lorabuild"))
    lit.image("plain/b.tags").write_text(LONG, "utf-8")
    with monkeypatch.context() as patched:
        patched.setattr(room, name, refusing(getattr(room, name), code, call))
        failed = lit.build()
    assert failed.code == 1
    assert failed.said[-1]["next"]
    assert "Traceback" not in failed.text
    lit.right()


@pytest.mark.parametrize("pages", [4, 11, 13, 15])
def test_a_full_disk_under_the_database_leaves_it_as_it_was(lit, monkeypatch, pages):
    before = state(lit.root)
    shutil.copytree(lit.path(".lorabuild"), lit.root.with_name("kept"))
    for number in range(40):
        light.picture(lit.image(f"plain/new{number}.png"), (number, 9, 9))
    with monkeypatch.context() as patched:
        patched.setattr(database, "_connect", narrow(pages))
        failed = lit.build()
    assert failed.code == 1
    assert "the disk is full" in failed.text
    assert "free some space" in failed.said[-1]["next"]
    after = lit.right()
    assert all(after[stage][name] == row for stage in ("scan", "prepare") for name, row in before[stage].items())


@forks
@pytest.mark.parametrize("size", [1000, 9000, 30_000, 70_000, 120_000])
def test_files_that_may_not_grow_end_the_build_in_plain_words(lit, size):
    """The system itself refuses (RLIMIT_FSIZE): in the log of the database, in a blob, wherever it comes first."""
    shutil.rmtree(lit.path(".lorabuild"))
    lit.image("plain/b.tags").write_text(LONG, "utf-8")
    with Warm(*LIGHT) as warm:
        failed = warm.build(lit.root, "balance", FSIZE=size)
    assert failed.code == 1
    assert "lorabuild: " in failed.text
    assert "Traceback" not in failed.text
    lit.right()


@forks
def test_too_few_open_files_are_told_and_no_picture_is_lost_by_it(lit):
    """However many the system allows (RLIMIT_NOFILE): all is built, or the build ends and says why."""
    lit.image("plain/b.tags").write_text(LONG, "utf-8")
    right, ends = lit.right(), set()
    with Warm(*LIGHT) as warm:
        for most in range(3, 24):
            shutil.rmtree(lit.path(".lorabuild"))
            run = warm.build(lit.root, "balance", NOFILE=most)
            ends.add(run.code)
            assert "Traceback" not in run.text
            assert run.code == 0 or "open files" in run.text
            assert not run.events("aside")
            assert warm.build(lit.root, "balance").code == 0
            assert state(lit.root) == right
    assert ends == {0, 1}


# ---- what may not be read or written


@pytest.fixture
def locked_up(laden):
    """A way to build while a path has other permissions; they are put back."""
    if not hasattr(os, "fork"):
        pytest.skip("builds are forked here")
    with Warm(*LIGHT) as warm:

        def build(name, mode):
            path = laden.path(name)
            before = path.stat().st_mode
            path.chmod(mode)
            try:
                return warm.build(laden.root, "balance")
            finally:
                path.chmod(before)
                for beside in laden.path(".lorabuild").glob("state.db*"):
                    beside.chmod(0o644)  # SQLite gives its log the permissions of the database

        yield build


CLOSED = {
    "the store": (".lorabuild", 0o555, "can't lock the store: permission denied"),
    "the lock": (".lorabuild/lock", 0, "can't lock the store: permission denied"),
    "the database": (".lorabuild/state.db", 0, "can't use the state database: it can't be opened"),
    "the database for writing": (".lorabuild/state.db", 0o444, "can't use the state database: it can't be written"),
    "the blobs": (".lorabuild/blobs", 0o555, "can't write to the store: permission denied"),
    "what is half written": (".lorabuild/tmp", 0o555, "can't write to the store: permission denied"),
    "a concept": ("data/cape", 0, "data/cape: can't read this folder: permission denied"),
    "a model": ("base/unet/diffusion_pytorch_model.safetensors", 0, "permission denied"),
}


@pytest.mark.parametrize(("name", "mode", "said"), CLOSED.values(), ids=CLOSED)
def test_what_is_closed_is_told_with_its_place(laden, locked_up, name, mode, said):
    """Real permissions; who is root gives up the right to pass them over."""
    for other in ("b", "c"):
        laden.image(f"plain/{other}.tags").write_text(f"{LONG}, {other}", "utf-8")
    failed = locked_up(name, mode)
    assert failed.code in (1, 2)
    assert said in failed.text
    assert failed.said[-1]["next"]
    assert "Traceback" not in failed.text
    laden.right()


SHUT = {
    "a picture": ("data/plain/b.png", 0, "data/plain/b.png", "permission denied"),
    "its tags": ("data/plain/b.tags", 0, "data/plain/b.png", "b.tags beside it can't be read: permission denied"),
    "a caption": ("data/cape/e.txt", 0, "data/cape/e.png", "e.txt beside it can't be read: permission denied"),
    "a folder to be listed only": ("data/cape", 0o444, "data/cape/e.png", "permission denied"),
}


@pytest.mark.parametrize(("name", "mode", "item", "why"), SHUT.values(), ids=SHUT)
def test_a_picture_that_is_closed_or_its_words_is_set_aside_until_they_open(laden, locked_up, name, mode, item, why):
    before = state(laden.root)
    left = locked_up(name, mode)
    assert left.code == 0
    assert [(event["item"], event["problem"]) for event in left.events("aside")] == [(item, why)]
    assert laden.right() == before


@pytest.mark.parametrize("error", [errno.EMFILE, errno.EIO, errno.ENOMEM])
@pytest.mark.parametrize("name", ["plain/b.png", "plain/b.tags"])
def test_a_machine_that_cannot_read_ends_the_build_and_leaves_no_picture_out(lit, monkeypatch, name, error):
    real, path = os.open, os.fspath(lit.image(name))
    lit.image("plain/b.tags").write_text("other", "utf-8")
    light.picture(lit.image("plain/b.png"), "black")

    def refuse(what, *words, **named):
        if os.fspath(what) == path:
            raise OSError(error, os.strerror(error), what)
        return real(what, *words, **named)

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", refuse)
        failed = lit.build()
    assert failed.code == 1
    assert f"{path}: can't read this file" in failed.text
    assert answer(str(lit.root), "balance", "json") is None
    lit.right()


def test_half_written_files_of_killed_builds_are_swept_when_they_are_old(lit):
    old, young, mine = (lit.path(name) for name in (".lorabuild-1a2b-3c4d", ".lorabuild-1-2", ".lorabuild.txt"))
    for path in (old, young, mine):
        path.write_bytes(b"half")
    os.utime(old, (1, 1))
    os.utime(mine, (1, 1))
    assert lit.build().code == 0
    assert [path.exists() for path in (old, young, mine)] == [False, True, True]


def test_the_store_that_is_not_there_when_it_is_read_is_made(lit):
    before = state(lit.root)
    with Store(lit.path(".lorabuild")) as store:
        store.database.close()
    shutil.rmtree(lit.path(".lorabuild"))
    assert lit.run("status").code == 0
    assert not lit.path(".lorabuild").exists()
    assert lit.right() == before


def test_files_are_synced_before_they_are_named(lit, monkeypatch):
    """What a loss of power leaves: the name, and nothing in it."""
    lit.image("plain/b.tags").write_text(LONG, "utf-8")
    synced = []
    real = files.sync_files
    monkeypatch.setattr(blobs, "sync_files", lambda paths: synced.extend(paths) or real(paths))
    assert lit.build().code == 0
    assert len(synced) == len(loose(lit)) > 0
