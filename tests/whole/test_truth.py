"""Ours is the state, doit runs the graph: what doit's own checks would miss is noticed, told and put right."""

import json
import os
import shutil
import signal
from concurrent.futures import ThreadPoolExecutor

import light
import pytest
import small
from kills import CROWD, LIGHT, batch, crowd, losses
from lit import Lit, state
from warm import Warm

from lorabuild.core import statcache, steady
from lorabuild.core.claim import claim
from lorabuild.core.nullcheck import answer
from lorabuild.core.stamps import COARSE, Now
from lorabuild.graph.session import viewing
from lorabuild.stages import scan, tag

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="builds are forked here")


def quick(project):
    """What a build with nothing to do is answered by the null index; None when the long way must be gone."""
    return answer(str(project.root), "balance", "json")


def settled(project):
    """Built until no file is too young any more, and the null index answers."""
    assert any(project.build().code == 0 and quick(project) for _ in range(50))
    return project


def padded(path, size=20_000):
    """The same picture in a file of one size: what follows a PNG's end is never read."""
    path.write_bytes(path.read_bytes().ljust(size, b"\0"))


def rewritten(path, make):
    """Make a file anew in the same inode, with the size and the time that it had."""
    stamp = path.stat()
    make(path)
    os.truncate(path, stamp.st_size)
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (stamp.st_size, stamp.st_mtime_ns)


def replaced(path, make):
    """The same with another inode: written beside and renamed."""
    other = path.with_name(f"other-{path.name}")
    shutil.copy2(path, other)
    rewritten(other, make)
    other.replace(path)


def black(path):
    light.picture(path, "black")
    padded(path)


SECRETLY = {
    "a picture": ("data/plain/b.png", black, {"scan", "prepare"}),
    "its tags": ("data/plain/b.tags", lambda path: path.write_text("2creature", "utf-8"), {"tag", "caption"}),
    "a caption": ("data/cape/e.txt", lambda path: path.write_text("A creature in a cape", "utf-8"), {"caption"}),
}


@pytest.mark.parametrize("how", [rewritten, replaced])
@pytest.mark.parametrize(("name", "make", "ran"), SECRETLY.values(), ids=SECRETLY)
def test_a_change_that_keeps_size_and_time_is_built(lit, name, make, ran, how):
    padded(lit.image("plain/b.png"))
    settled(lit)
    how(lit.path(name), make)
    assert quick(lit) is None
    assert lit.build().ran.keys() == ran
    lit.right()


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_a_model_replaced_under_its_name_is_noticed(tmp_path, part):
    root = light.finished(light.make(tmp_path / "project"))
    assert light.redone(root) == {}
    (weights,) = (root / "base" / part).glob("*.safetensors")
    replaced(weights, lambda path: path.write_bytes(b"other"))
    assert light.redone(root).keys() >= {"train" if part != "vae" else "latents"}


def test_rehash_finds_what_no_stamp_shows(lit, monkeypatch):
    """On a file system without ctime and inodes."""
    real = statcache.stamp
    monkeypatch.setattr(statcache, "stamp", lambda found: real(found)._replace(ctime_ns=1, inode=1))
    monkeypatch.setattr(steady, "stamp", lambda found: real(found)._replace(ctime_ns=1, inode=1))
    monkeypatch.setattr(statcache, "racy", lambda *_: False)
    padded(lit.image("plain/b.png"))
    assert lit.build("--rehash").code == 0
    rewritten(lit.image("plain/b.png"), black)
    (lit.path(".lorabuild") / "settled.idx").unlink(missing_ok=True)
    assert lit.build().ran == {}
    assert lit.build("--rehash").ran == {"scan": 1, "prepare": 1}
    lit.right()


@pytest.mark.parametrize(("ticks", "ran"), [(0, {"scan": 1, "prepare": 1}), (3, {})], ids=["same tick", "long ago"])
def test_a_change_within_the_tick_of_its_stamp_is_seen(lit, monkeypatch, ticks, ran):
    """Injected: a clock of two seconds a step, on which a file is written, built, and written again with one stamp."""
    real, then = statcache.stamp, 1_700_000_000_000_000_000
    later = Now(then + ticks * COARSE, lit.root.stat().st_dev, COARSE)
    for module in (statcache, steady):
        monkeypatch.setattr(module, "stamp", lambda found: real(found)._replace(mtime_ns=then, ctime_ns=then, inode=1))
    monkeypatch.setattr(statcache, "now", lambda _folder: later)
    padded(lit.image("plain/b.png"))
    assert lit.build("--rehash").code == 0
    rewritten(lit.image("plain/b.png"), black)
    assert lit.build().ran == ran  # a stamp that is no longer young is trusted: so the change is one that hides


def test_a_file_with_an_older_time_is_another_file(lit):
    """``cp -p``, ``rsync -a``, ``unzip`` and ``git checkout`` set times back."""
    path = lit.image("plain/b.png")
    black(path)
    os.utime(path, (1_000_000_000, 1_000_000_000))
    assert lit.build().ran == {"scan": 1, "prepare": 1}
    lit.right()


def test_times_from_the_future_are_never_trusted(lit):
    """The clock was set back, or a server's clock is ahead."""
    path, ahead = lit.image("plain/b.png"), 4_000_000_000
    padded(path)
    os.utime(path, (ahead, ahead))
    assert lit.build().ran == {"scan": 1}
    assert lit.build().ran == {}
    assert quick(lit) is None
    rewritten(path, black)
    assert lit.build().ran == {"scan": 1, "prepare": 1}
    lit.right()


def test_two_files_that_are_swapped_are_what_they_are(lit):
    """Same sizes and times, each other's names."""
    first, second = lit.image("plain/b.png"), lit.image("plain/c.png")
    for path in (first, second):
        padded(path)
        os.utime(path, ns=(10**18, 10**18))
    settled(lit)
    before = state(lit.root)["scan"]
    first.rename(first.with_name("x"))
    second.rename(first)
    first.with_name("x").rename(second)
    assert lit.build().ran == {}
    after = lit.right()["scan"]
    assert after["data/plain/b.png"] == before["data/plain/c.png"] != before["data/plain/b.png"]


@pytest.mark.parametrize(("stage", "noticed"), [(scan, True), (tag, False)], ids=["scan", "tag"])
def test_an_input_rewritten_while_its_stage_runs_is_done_again(lit, monkeypatch, stage, noticed):
    """After it was read, before its result is committed: the result is that of the old bytes."""
    real = stage.run
    (lit.path(".lorabuild")).rename(lit.root.with_name("gone"))
    padded(lit.image("plain/b.png"))

    def late(*words):
        real(*words)
        rewritten(lit.image("plain/b.png"), black)
        rewritten(lit.image("plain/b.tags"), lambda path: path.write_text("3creature", "utf-8"))

    with monkeypatch.context() as patched:
        patched.setattr(stage, "run", late)
        first = lit.build()
    assert first.code == 0
    assert quick(lit) is None
    # prepare reads the picture once more and sees it; nothing reads it behind tag, so that is left to the next build
    assert ("changed" in [note["code"] for note in first.events("note")]) is noticed
    assert lit.build().ran.keys() == (set() if noticed else {"scan", "prepare", "tag", "caption"})
    lit.right()


@pytest.mark.parametrize("name", [small.LORA, "out/report.html", "lora.lock", "lora.manifest.tsv"])
def test_a_target_overwritten_with_garbage_is_noticed_by_the_null_index_too(project, name):
    before = project.path(name).read_bytes()
    assert any(project.build().code == 0 and answer(str(project.root), "report", "json") for _ in range(50))
    rewritten(project.path(name), lambda path: path.write_bytes(b"garbage" * len(before)))
    assert answer(str(project.root), "report", "json") is None
    assert project.build().ran == {}
    assert project.path(name).read_bytes() == before


@forks
def test_a_kill_loses_no_more_than_one_batch(tmp_path):
    root = crowd(tmp_path / "crowd")
    with Warm(*LIGHT) as warm:
        whole = warm.build(root, "balance")
        assert whole.events("stage")[0]["todo"] > 2 * batch("scan")
        for part in (0.35, 0.5, 0.65, 0.8):
            shutil.rmtree(root / ".lorabuild")
            killed = warm.build(root, "balance", kill_after=part * whole.seconds)
            again = warm.build(root, "balance")
            assert again.code == 0
            assert all(count <= batch(stage) for stage, count in losses(killed, again)), part
            assert state(root)
    assert list(tmp_path.glob("crowd/.lorabuild/tmp/*")) == []


@forks
def test_many_builds_at_once_take_turns_and_readers_read_on(tmp_path):
    root = crowd(tmp_path / "crowd")
    with Warm(*LIGHT) as one, Warm(*LIGHT) as two, ThreadPoolExecutor(2) as pool:
        running = [pool.submit(warm.build, root, "balance") for warm in (one, two)]
        looks = 0
        while not all(build.done() for build in running):
            with viewing(light.opened(root)) as view:
                assert view.step("scan").total == CROWD + 5
            looks += 1
        first, second = sorted((build.result() for build in running), key=lambda run: run.seconds)
    assert looks
    assert (first.code, second.code) == (0, 0)
    work = [sum(counts["ran"] for counts in run.said[-1]["stages"].values()) for run in (first, second)]
    assert min(work) == 0
    Lit(root).right()


def test_a_second_build_says_for_whom_it_waits(lit):
    with claim(lit.path(".lorabuild"), wait=False, say=print):
        second = lit.process("build", "balance", "--json", "--rehash")
        told = json.loads(second.stdout.readline())
    assert told["code"] == "busy"
    assert f"process {os.getpid()}) is building here; waiting for it to finish" in told["text"]
    assert second.communicate(timeout=60)[1] == ""
    assert second.returncode == 0
    lit.right()


@forks
def test_who_waits_takes_over_from_one_that_is_killed(tmp_path):
    root = crowd(tmp_path / "crowd")
    with Warm(*LIGHT) as one, Warm(*LIGHT) as two, ThreadPoolExecutor(1) as pool:
        whole = one.build(root, "balance").seconds
        shutil.rmtree(root / ".lorabuild")
        first = pool.submit(one.build, root, "balance", kill_after=whole * 0.6)
        second = two.build(root, "balance")
        assert first.result().code in (0, -signal.SIGKILL)
    assert second.code == 0
    Lit(root).right()


@forks
def test_no_wait_fails_at_once_while_another_builds(tmp_path):
    root = light.make(tmp_path / "project")
    with Warm(*LIGHT) as warm, claim(root / ".lorabuild", wait=False, say=print):
        refused = warm.build(root, "balance", "--no-wait")
        assert refused.code == 1
        assert f"process {os.getpid()}) is building here" in refused.text
        assert "leave out --no-wait to wait for it" in refused.said[-1]["next"]
    Lit(root).right()
