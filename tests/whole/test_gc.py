"""gc takes what nothing needs and nothing else: the next build has nothing to do, and the files are the same."""

import subprocess

import small

from lorabuild.core.claim import claim
from lorabuild.core.store import Store


def out(project):
    return {path.name: path.read_bytes() for path in sorted(project.path("out").iterdir())}


def goes(found):
    return {row["kind"]: row["number"] for row in found["goes"] if row["number"]}


def test_after_a_change_what_only_the_former_build_needed_goes_and_nothing_else(project, built):
    project.write("threshold: 0.35", "threshold: 0.30")
    project.write("lr: 1.0e-3", "lr: 2.0e-3")
    changed = project.build()
    assert set(changed.ran) & {"train", "package"} == {"train", "package"}
    after, lock = out(project), project.path("lora.lock").read_bytes()
    assert goes(project.run("gc", "--json", "--keep", "1").said[0]) == {}  # all of it is younger than a day
    would = project.run("gc", "--json", "--keep", "1", "--grace", "0", "--dry-run").said[0]
    done = project.run("gc", "--json", "--keep", "1", "--grace", "0").said[0]
    assert goes(done) == goes(would)
    assert {"results", "blobs"} <= goes(done).keys()
    assert done["before"] - done["after"] > 0.9 * sum(row["bytes"] for row in done["goes"] if row["kind"] == "blobs")
    again = project.build()
    assert (again.code, again.ran) == (0, {})
    assert (out(project), project.path("lora.lock").read_bytes()) == (after, lock)
    assert project.run("verify", "--store").code == 0
    assert project.run("restore", "1").code == 1  # its files are gone, and it says so
    assert "files gone" in project.run("history").text
    project.path("out").rename(project.path("former"))
    assert project.build().ran == {}  # handed out again from the store
    assert out(project) == after


def test_a_setting_that_is_taken_back_after_gc_gives_the_former_bytes_again(project, built):
    project.write("lr: 1.0e-3", "lr: 2.0e-3")
    assert project.build().code == 0
    project.run("gc", "--keep", "1", "--grace", "0")
    project.write("lr: 2.0e-3", "lr: 1.0e-3")
    again = project.build()
    assert set(again.ran) <= {"train", "sample", "package", "report"}
    assert project.sha() == built.sha()


def test_while_a_build_is_at_work_gc_waits_for_it(project):
    with claim(project.path(".lorabuild"), wait=False, say=print):
        assert project.run("gc", "--no-wait").code == 1
        waiting = project.process("gc", "--grace", "0", stdin=subprocess.DEVNULL)
        assert "waiting for it to finish" in waiting.stderr.readline()
        assert waiting.poll() is None
    text, _ = waiting.communicate(timeout=120)
    assert waiting.returncode == 0
    assert "stays" in text


def test_a_damaged_blob_is_found_put_aside_and_made_again(project, built):
    with Store(project.path(".lorabuild"), read_only=True) as store:
        key = store.latest("latents")["dataset/plain/c.png"]
        blob = store.results([key])[key].outputs["latents"]
        path, small_one = store.blobs.path(blob), not store.blobs.path(blob).exists()
    if small_one:
        with Store(project.path(".lorabuild")) as store, store.database.transaction() as link:
            link.execute("UPDATE blobs SET data = zeroblob(size) WHERE digest = ?", [bytes.fromhex(blob[3:])])
    else:
        path.chmod(0o600)
        path.write_bytes(bytes(path.stat().st_size))
    found = project.run("verify", "--store")
    assert found.code == 3
    assert f"{blob} is damaged (of latents dataset/plain/c.png" in found.text
    assert project.run("verify", "--store", "--repair").code == 3
    again = project.build()
    assert again.ran["latents"] == 1
    assert project.sha() == built.sha()
    assert project.run("verify", "--store").code == 0


def test_doctor_finds_nothing_that_would_stop_a_build(project):
    found = project.run("doctor")
    assert found.code == 0
    assert "tiny: lora.yaml is right" in found.text
    assert small.LORA not in found.text
