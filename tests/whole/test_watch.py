"""A watch in a process of its own: what the system does to it, and what it leaves."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import small
import watched
from watched import Watched, kinds, ran

sys.path.insert(0, str(Path(__file__).parents[1] / "graph"))  # light.py

import light

pytestmark = pytest.mark.timeout(120)
PIXELS = {"scan": 1, "prepare": 1}
NAMESPACE = ("unshare", "--user", "--map-root-user", "sh", "-c")
QUEUE = Path("/proc/sys/fs/inotify/max_queued_events")


@pytest.fixture
def tiny(tmp_path):
    """A project whose build up to ``balance`` takes no model."""
    return light.make(tmp_path / "tiny")


def pinks(root, name="data/plain/b.png"):
    return light.picture(root / name, "pink")


@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_it_builds_and_ends_cleanly(tiny, how, code):
    with Watched(tiny, "balance") as watch:
        watch.idle()
        pinks(tiny)
        assert ran(watch.idle()) == [(["data/plain/b.png"], PIXELS)]
        returned, err = watch.end(how)
    assert returned == code
    assert "stopped" in err
    assert "Traceback" not in err
    assert not (tiny / ".lorabuild/holder").exists()


def test_what_it_built_is_what_a_build_finds_and_its_null_index_answers(tiny):
    with Watched(tiny, "balance") as watch:
        watch.idle()
        pinks(tiny)
        watch.idle()
        again = subprocess.run(
            [sys.executable, "-X", "importtime", "-m", "lorabuild", "-C", str(tiny), "balance"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert "nothing to do" in again.stderr
        assert "lorabuild.cli" not in again.stderr
        (tiny / "data/plain/c.png").unlink()
        assert ran(watch.idle()) == [(["data/plain/c.png"], {"balance": 1})]


def test_another_build_may_run_meanwhile(tiny):
    with Watched(tiny, "balance") as watch:
        watch.idle()
        pinks(tiny)
        light.built(tiny)
        assert ran(watch.idle())[0][0] == ["data/plain/b.png"]
        pinks(tiny, "data/plain/c.png")
        watch.idle()
    done, _ = light.built(tiny)
    assert {row["ran"] for row in done["stages"].values()} == {0}


@pytest.mark.skipif(not QUEUE.exists(), reason="the queue of inotify")
def test_when_the_queue_of_events_runs_over_everything_is_looked_at(tiny):
    """A real overflow: while the process stands still, more happens than the kernel keeps; the edit comes last."""
    caption = tiny / "data/cape/e.txt"
    with Watched(tiny, "balance") as watch:
        watch.idle()
        watch.process.send_signal(signal.SIGSTOP)
        assert os.WIFSTOPPED(os.waitpid(watch.process.pid, os.WUNTRACED)[1])
        noise = [tiny / f"data/plain/{name}.tmp" for name in ("one", "two")]
        for path in noise:
            path.touch()
        for _ in range(int(QUEUE.read_text()) // 2):
            for path in noise:
                os.utime(path)
        caption.write_text("seen by nobody", "utf-8")
        watch.process.send_signal(signal.SIGCONT)
        assert ran(watch.idle()) == [(["data/cape/e.txt"], {"caption": 1})]
        caption.write_text("events come again", "utf-8")
        assert ran(watch.idle()) == [(["data/cape/e.txt"], {"caption": 1})]
        _, err = watch.end(signal.SIGINT)
    assert "queue" not in err  # it is no business of the person's


def limited(name):
    """Whether a process here can have a limit of its own."""
    command = [*NAMESPACE, f"echo 1 > /proc/sys/user/{name}"]
    return shutil.which("unshare") and subprocess.run(command, check=False, capture_output=True).returncode == 0


@pytest.mark.skipif(not limited("max_inotify_watches"), reason="no user namespaces")
@pytest.mark.parametrize(
    ("limit", "count", "advice"),
    [
        ("max_inotify_watches", 3, "fs.inotify.max_user_watches"),
        ("max_inotify_instances", 0, "fs.inotify.max_user_instances"),
    ],
)
def test_when_the_system_has_no_watch_left_the_other_folders_are_polled(tiny, limit, count, advice):
    """The kernel's own limits, in a namespace of the process."""
    script = f'echo {count} > /proc/sys/user/{limit} && exec "$@"'
    with Watched(tiny, "balance", before=(*NAMESPACE, script, "sh")) as watch:
        (note,) = [note for note in kinds(watch.idle(), "note") if note["code"] == "polling"]
        assert advice in note["text"]
        for name in ("data/plain/b.png", "data/cape/e.png", "base/vae/config.json"):
            path = tiny / name
            path.write_bytes(path.read_bytes() + b" ")
            assert kinds(watch.idle(), "change")[0]["paths"] == [name]


def test_polled_folders_are_seen_too(tiny):
    with Watched(tiny, "balance", "--poll") as watch:
        watch.idle()
        pinks(tiny)
        assert ran(watch.idle()) == [(["data/plain/b.png"], PIXELS)]
        shutil.move(tiny / "data/cape", tiny / "elsewhere")
        assert "there is no folder" in kinds(watch.idle(), "error")[0]["what"]
        shutil.move(tiny / "elsewhere", tiny / "data/cape")
        pinks(tiny, "data/plain/c.png")
        assert "data/plain/c.png" in kinds(watch.idle(), "change")[0]["paths"]


def test_a_file_that_is_written_slowly_is_built_when_it_is_whole(tiny):
    whole = light.picture(tiny / "whole.bmp", "cyan", (96, 96)).read_bytes()
    (tiny / "data/plain/x.tags").write_text("1creature, tail", "utf-8")
    with Watched(tiny, "balance") as watch, (tiny / "data/plain/x.bmp").open("wb", 0) as slow:
        watch.idle()
        written = 0
        while not kinds(watch.said, "note"):  # it says so when a file takes longer than a save
            slow.write(whole[written : written + 1])
            written += 1
            watch.hear(0.1)
        pinks(tiny)
        slow.write(whole[written:])
        heard = watch.idle()
    ((changed, did),) = ran(heard)
    assert "data/plain/x.bmp" in changed
    assert did["prepare"] == len(changed)
    assert kinds(heard, "aside") == []


def test_an_image_is_encoded_again_in_the_same_process(project):
    """The real stages up to the training: the image, and nothing but the image."""
    picture = project.path("dataset/plain/c.png")
    before = project.inputs()
    with Watched(project.root) as watch:
        watch.idle()
        for colour in (9, 90):
            small.picture((1, colour, 3), (64, 48)).save(picture)
            ((changed, did),) = ran(watch.idle())
            assert changed == ["dataset/plain/c.png"]
            assert {stage: did.get(stage) for stage in ("scan", "prepare", "tag", "latents")} == dict.fromkeys(
                ("scan", "prepare", "tag", "latents"), 1
            )
            assert not {"train", "sample"} & set(did)
    after = project.inputs()
    assert {name for name in after if after[name] != before[name]} == {"dataset/plain/c.png"}


def test_train_goes_all_the_way(project):
    before = project.sha()
    with Watched(project.root, "--train") as watch:
        watch.idle()
        project.write("author: someone", "author: somebody")
        ((changed, did),) = ran(watch.idle())
    assert changed == ["lora.yaml"]
    assert did == {"package": 1, "report": 1}
    assert project.sha() != before
    assert watched.kinds(watch.said, "done")[-1]["outputs"]
