import os
import random
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import light
import pytest

from lorabuild.core.claim import claim
from lorabuild.core.errors import BusyError, ProjectError, StoreError
from lorabuild.core.events import silent
from lorabuild.core.lease import lease
from lorabuild.core.store import Store
from lorabuild.graph.order import STAGES
from lorabuild.graph.session import STORE
from lorabuild.graph.sweep import Limits, gc, verify_store

NOW = Limits(grace=0.0, keep=1)


def swept(root, limits=NOW, **how):
    return gc(light.opened(root), limits, silent, **how)


def goes(found):
    """Kind → number of what goes."""
    return {row["kind"]: row["number"] for row in found["goes"] if row["number"]}


def finished(root, number=1):
    """Everything built or planted, and handed out; the LoRA and its epochs are those of this number."""
    train, package = light.PLANTED["train"], light.PLANTED["package"]
    epochs = {f"epoch-{epoch:04}": f"{number} {epoch}".encode() * 9999 for epoch in (1, 2)}
    light.PLANTED["train"] = {**epochs, "log": b"{}"}, train[1]
    light.PLANTED["package"] = {**package[0], "tiny.safetensors": f"LoRA {number}".encode() * 4000}, package[1]
    try:
        light.finished(root)
        light.built(root, targets=())
    finally:
        light.PLANTED.update(train=train, package=package)
    return root


def finished_twice(root):
    """Built, changed, built again: results and files of the first build are left over."""
    finished(root)
    light.write(root, budget={"steps": 48, "epochs": 2})
    return finished(root, 2)


@pytest.fixture
def twice(project):
    return finished_twice(project)


def contents(root):
    return {path.relative_to(root): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_a_dry_run_says_what_would_go_and_changes_nothing(twice):
    before = contents(twice)
    found = swept(twice, dry_run=True)
    after = contents(twice)
    assert {path: after[path] for path in before} == before
    assert {path.name for path in after.keys() - before.keys()} <= {"state.db-shm", "state.db-wal"}  # of any reader
    assert found["dry_run"] is True
    assert goes(found)["results"] > 0
    assert goes(found)["blobs"] > 0
    assert found["after"] < found["before"]
    real = swept(twice)
    assert goes(real) == goes(found)
    assert real["dry_run"] is False


def test_after_gc_a_build_has_nothing_to_do_and_the_files_are_the_same(twice):
    out = contents(twice / "out")
    with light.viewed(twice) as view:
        keys = {stage: view.keys(stage) for stage in STAGES}
    swept(twice)
    assert light.redone(twice) == {}
    done, _ = light.built(twice, targets=())
    assert {stage for stage, counts in done["stages"].items() if counts["ran"]} == set()
    assert contents(twice / "out") == out
    with light.viewed(twice) as view:
        assert {stage: view.keys(stage) for stage in keys} == keys
    assert goes(swept(twice)) == {}


def test_what_the_last_builds_made_stays_as_many_as_are_wanted(twice):
    assert goes(swept(twice, Limits(grace=0.0, keep=2))) == {}
    assert goes(swept(twice, Limits(keep=1))) == {}  # too young
    found = swept(twice)
    assert goes(found)
    assert "build 1" not in [row["why"] for row in found["stays"]]


def test_a_pinned_build_stays(twice):
    with Store(twice / STORE) as store:
        first = next(row for row in store.history() if row["outputs"])
        store.set_meta("pins", [first["number"]])
    assert goes(swept(twice)) == {}
    with Store(twice / STORE) as store:
        store.set_meta("pins", [])
    assert goes(swept(twice))


def test_what_is_under_lease_stays_until_the_reader_is_done(twice):
    with Store(twice / STORE, read_only=True) as store:
        blobs = next(row["blobs"] for row in store.history() if row.get("blobs"))
        lora = blobs["out/tiny.safetensors"]
        with lease(twice / STORE, [lora]):
            swept(twice)
            assert store.read(lora) == b"LoRA 1" * 4000
        swept(twice)
        assert not store.has(lora)


def test_while_a_build_runs_gc_waits_or_fails_as_it_is_told(twice):
    with claim(twice / STORE, wait=False, say=print):
        with pytest.raises(BusyError):
            swept(twice, wait=False)
        assert goes(swept(twice, dry_run=True))  # looking needs no lock


def test_it_is_said_whom_gc_waits_for(twice):
    told = []
    with ExitStack() as held:
        held.enter_context(claim(twice / STORE, wait=False, say=print))

        def heard(event):
            told.append(event.data["text"])
            held.close()

        gc(light.opened(twice), NOW, heard)
    assert [f"process {os.getpid()}" in text for text in told] == [True]


def test_the_limit_takes_the_oldest_builds_and_never_the_newest(twice):
    with Store(twice / STORE, read_only=True) as store:
        newest = store.history()[-1]["number"]
    before = swept(twice, Limits(grace=0.0, keep=9), dry_run=True)["before"]
    found = swept(twice, Limits(grace=0.0, keep=9, most=before - 1), dry_run=True)
    assert found["given_up"]
    assert newest not in found["given_up"]
    assert found["fits"]
    little = swept(twice, Limits(grace=0.0, keep=9, most=1000))
    assert not little["fits"]
    assert newest not in little["given_up"]
    assert light.redone(twice) == {}


def test_where_nothing_was_built_there_is_nothing_to_sweep(project):
    found = swept(project)
    assert (found["before"], goes(found)) == (0, {})
    assert not (project / STORE).exists()


def test_a_project_whose_needs_can_not_be_known_is_not_swept(twice):
    (twice / "base/unet/config.json").unlink()
    before = contents(twice / STORE)
    with pytest.raises(ProjectError):
        swept(twice)
    after = contents(twice / STORE)
    assert {path for path in before if path.parts[0] == "blobs"} <= after.keys()


@pytest.mark.parametrize("dry_run", [True, False])
def test_where_the_database_was_damaged_nothing_goes(twice, dry_run):
    for path in (twice / STORE).glob("state.*"):
        path.write_bytes(b"rubbish" * 2000)
    before = contents(twice / STORE / "blobs")
    with pytest.raises(StoreError, match="nothing was removed"):
        swept(twice, dry_run=dry_run)
    assert contents(twice / STORE / "blobs") == before


def test_a_page_of_the_database_that_is_damaged_is_noticed(twice):
    with Store(twice / STORE) as store:
        (root,) = store.database.rows("SELECT rootpage FROM sqlite_master WHERE name = 'builds'")[0]
        store.database.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    with (twice / STORE / "state.db").open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(b"\xff" * 4096)
    before = contents(twice / STORE / "blobs")
    with pytest.raises(StoreError, match="nothing was removed"):
        swept(twice)
    assert contents(twice / STORE / "blobs") == before


def test_work_under_way_of_the_project_as_it_stands_stays(project):
    light.built(project)
    with light.viewed(project) as view:
        light.plant(view, "latents", "text")
        key = next(iter(view.keys("train").values()))
        for name in (key, "b3:" + "0" * 64):
            (view.store.scratch(name) / "state").write_bytes(b"state")
    assert goes(swept(project)) == {"work under way": 1}
    assert [path.name for path in (project / STORE / "work").iterdir()] == [key[3:]]


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = sys.argv[1:3]
import light
from lorabuild.core import holdings, lease, sweep
from lorabuild.core.events import silent
from lorabuild.graph import roots
from lorabuild.graph import sweep as whole

FILES = {module.__file__ for module in (holdings, lease, sweep, roots, whole)}


def counted(root, most):
    left = most

    def step(frame, event, _argument):
        nonlocal left
        if frame.f_code.co_filename not in FILES:
            return None
        if event == "line":
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return step

    loaded = light.opened(root)
    sys.settrace(step)
    whole.gc(loaded, whole.Limits(grace=0.0, keep=1), silent)
    sys.settrace(None)
    return most - left

for line in sys.stdin:
    root, most = line.split()
    child = os.fork()
    if child == 0:
        print("lines", counted(Path(root), int(most)), flush=True)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    print("ended", status, flush=True)
"""


@pytest.fixture
def killer(tmp_path):
    """A process that runs gc in children of its own and kills each when it has come to a line."""
    words = [sys.executable, "-c", KILLED, str(Path(light.__file__).parent), str(Path(light.__file__).parents[1])]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:

        def run(root, most):
            child.stdin.write(f"{root} {most}\n")
            child.stdin.flush()
            said = [child.stdout.readline().split()]
            while said[-1][0] != "ended":
                said.append(child.stdout.readline().split())
            return {word: int(number) for word, number in said}

        yield run
        child.stdin.close()


def test_a_kill_at_any_moment_of_gc_leaves_a_project_that_has_nothing_to_do(tmp_path, killer, project):
    lines = killer(finished_twice(light.make(tmp_path / "counted")), 10**9)["lines"]
    finished(project)
    for number, line in enumerate(random.Random(1).sample(range(1, lines), 20), 2):
        light.write(project, budget={"steps": 24 * (2 + number % 2), "epochs": 2})
        finished(project, number)
        out = contents(project / "out")
        assert killer(project, line)["ended"] == signal.SIGKILL
        assert light.redone(project) == {}
        assert verify_store(project / STORE, silent)["ok"]
        assert contents(project / "out") == out
    swept(project)
    assert light.redone(project) == {}
    found = verify_store(project / STORE, silent)
    assert (found["ok"], found["unnamed"]["number"]) == (True, 0)


def spoil(root):
    """Damage an epoch of the training; what it is called in the store."""
    with Store(root / STORE) as store:
        key = store.latest("train")["train"]
        blob = store.results([key])[key].outputs["epoch-0001"]
        path = store.blobs.path(blob)
    path.chmod(0o600)
    path.write_bytes(b"?" * path.stat().st_size)
    return blob


def test_verify_names_what_is_bad_and_changes_nothing(project):
    light.finished(project)
    blob = spoil(project)
    before = contents(project)
    found = verify_store(project / STORE, silent)
    assert not found["ok"]
    assert found["bad"] == [{"digest": blob, "why": "is damaged", "of": ["train train"]}]
    assert (found["repaired"], found["database"]) == (False, "")
    after = contents(project)
    assert {path: after[path] for path in before} == before
    assert light.redone(project) == {}  # a reader hasn't seen it


def test_verify_with_repair_puts_it_aside_so_that_the_next_build_makes_it_again(project):
    light.finished(project)
    spoil(project)
    assert verify_store(project / STORE, silent, repair=True)["repaired"]
    assert "train" in light.redone(project)
    assert verify_store(project / STORE, silent)["ok"]
    assert len(list((project / STORE / "damaged").iterdir())) == 1


def test_a_file_of_a_build_in_the_history_is_named_with_its_build(project):
    light.finished(project)
    light.built(project, targets=())
    with Store(project / STORE) as store:
        row = store.history()[-1]
        path, blob = next((path, blob) for path, blob in row["blobs"].items() if path.endswith(".html"))
        with store.database.transaction() as link:
            link.execute("UPDATE blobs SET data = 'x' WHERE digest = ?", [bytes.fromhex(blob[3:])])
    (bad,) = verify_store(project / STORE, silent)["bad"]
    assert f"build {row['number']}: {path}" in bad["of"]
    assert "report report" in bad["of"]


def test_a_result_of_which_a_blob_was_never_known_is_named(project):
    light.finished(project)
    with Store(project / STORE) as store, store.database.transaction() as link:
        link.execute("DELETE FROM blobs")
        link.execute("DELETE FROM latest")
    found = verify_store(project / STORE, silent)
    assert {bad["why"] for bad in found["bad"]} == {"is not known"}
    assert "train of a former build" in [owner for bad in found["bad"] for owner in bad["of"]]


def test_a_damaged_row_is_named_and_mended(project):
    light.finished(project)
    with Store(project / STORE) as store, store.database.transaction() as link:
        link.execute("UPDATE results SET seal = seal + 1 WHERE stage = 'balance'")
    found = verify_store(project / STORE, silent)
    assert (found["ok"], found["database"]) == (False, "a damaged row: balance balance")
    verify_store(project / STORE, silent, repair=True)
    assert verify_store(project / STORE, silent)["ok"]
    assert "balance" in light.redone(project)


def test_where_there_is_no_store_there_is_nothing_to_repair(project):
    assert verify_store(project / STORE, silent, repair=True)["ok"]
    assert not (project / STORE).exists()


def test_a_damaged_database_is_told(project):
    light.finished(project)
    for path in (project / STORE).glob("state.db*"):
        path.write_bytes(b"rubbish" * 2000)
    told = []
    found = verify_store(project / STORE, told.append)
    assert not found["ok"]
    assert "damaged" in found["database"]
    assert told[0].data["code"] == "store-damaged"


def test_how_far_the_reading_is_can_be_seen(project, monkeypatch):
    monkeypatch.setattr("lorabuild.graph.sweep.MEGABYTE", 1)
    light.finished(project)
    told = []
    verify_store(project / STORE, told.append)
    assert {event.kind for event in told} == {"progress"}
    assert told[-1].data["done"] <= told[-1].data["total"]


def test_ages_are_read_from_the_store(twice):
    for path in (twice / STORE / "blobs").glob("*/*"):
        os.utime(path, (time.time() - 200_000,) * 2)
    with Store(twice / STORE) as store, store.database.transaction() as link:
        link.execute("UPDATE results SET made = made - 200000")
    assert goes(swept(twice, Limits(keep=1))) == {}  # its builds are young, as their rows in the history say
    with Store(twice / STORE) as store, store.database.transaction() as link:
        link.execute("UPDATE builds SET body = json_set(body, '$.made', 1000000)")
    assert set(goes(swept(twice, Limits(keep=1)))) == {"results", "small blobs", "blobs"}
