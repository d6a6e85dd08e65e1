"""What was built before can be had again, compared, and built again to the same bytes."""

import json
import os
import subprocess

import pytest
import small
import torch

from lorabuild.core.store import Store
from lorabuild.graph.lock import write_lock

OUTPUTS = (
    *(small.LORA, "out/tiny.json", "out/tiny.civitai.info", "out/tiny.png", "out/tiny-grid.png", "out/report.html"),
    *("out/README.md", "out/SHA256SUMS"),
)
TEXTS = ("lora.lock", "lora.manifest.tsv")


def held(project, names=(*OUTPUTS, *TEXTS)):
    return {name: project.path(name).read_bytes() for name in names}


def edited(project):
    """An edit of a picture and of the settings."""
    small.picture((201, 201, 41), (64, 48)).save(project.path("dataset/plain/c.png"))
    project.write("lr: 1.0e-3", "lr: 2.0e-3")


def builds(project):
    return project.run("history", "--json").said[-1]["builds"]


def test_a_rebuild_never_destroys_the_former_lora(project):
    before = held(project)
    edited(project)
    assert project.build().code == 0
    after = held(project)
    assert all(after[name] != before[name] for name in (small.LORA, "out/tiny.png", "lora.lock"))
    assert project.run("restore", "1", "--lock").code == 0
    assert held(project) == before
    assert project.build().ran == {}
    assert held(project) == after
    assert [build["here"] for build in builds(project)] == [False, True]


def test_what_is_taken_back_is_a_build_again(project):
    before = held(project)
    edited(project)
    project.build()
    project.write("lr: 2.0e-3", "lr: 1.0e-3")
    small.picture(small.PLAIN["c"], small.SHAPES["c"]).save(project.path("dataset/plain/c.png"))
    assert project.build().ran == {}
    assert held(project) == before
    assert [build["ran"] != {} for build in builds(project)] == [True, True, False]
    assert project.build().ran == {}
    assert len(builds(project)) == 3


def test_a_lora_of_another_store_is_kept_too(project):
    former = held(project, OUTPUTS)
    project.path(".lorabuild").rename(project.root.parent / "away")
    edited(project)
    assert project.build().code == 0
    first, second = builds(project)
    assert (first["found"], second["found"]) == (True, False)
    assert project.run("restore", str(first["number"])).code == 0
    assert held(project, [name for name in OUTPUTS if name != "out/tiny.json"]) == {
        name: data for name, data in former.items() if name != "out/tiny.json"
    }


def git(project, *words):
    who = ["-c", "user.name=someone", "-c", "user.email=someone@example.org", "-c", "core.autocrlf=false"]
    subprocess.run(["git", *who, *words], cwd=project.root, check=True, capture_output=True)


def test_a_git_clone_builds_to_the_same_bytes_and_an_unchanged_lock(project, tmp_path):
    project.path(".gitignore").write_text(".lorabuild/\nout/\n", "utf-8")
    git(project, "init", "-q")
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "all of it")
    git(project, "clone", "-q", ".", str(tmp_path / "far away/clone"))
    clone = small.Small(tmp_path / "far away/clone")
    assert not clone.path("out").exists()
    assert clone.build().code == 0
    assert clone.sha() == project.sha()
    assert held(clone, TEXTS) == held(project, TEXTS)
    assert clone.run("diff").code == 0


def test_git_tells_what_changed_since_a_commit(project):
    git(project, "init", "-q")
    git(project, "add", *TEXTS, "lora.yaml")
    git(project, "commit", "-q", "-m", "first")
    assert project.run("diff").code == 0
    edited(project)
    project.path("dataset/plain/d.png").rename(project.path("dataset/cape/d.png"))
    project.path("dataset/cape/g.txt").write_text("grey, done by hand", "utf-8")
    small.picture((200, 20, 160)).save(project.path("dataset/plain/new.png"))
    project.build()
    told = project.run("diff")
    assert told.code == 3
    for line in (
        "  + dataset/plain/new.png",
        "  ~ dataset/plain/c.png was edited",
        "  → dataset/plain/d.png is now dataset/cape/d.png",
        "  dataset/cape/g.png: zorbl, zorbl_cape, grey, −by hand, +done by hand",
        "  training.optimizer.lr 0.001 → 0.002",
    ):
        assert line in told.text.splitlines()
    git(project, "commit", "-q", "-a", "-m", "second")
    assert project.run("diff").code == 0
    found = project.run("diff", "HEAD~1", "HEAD", "--json").said[0]
    assert found == {**project.run("diff", "#1", "#2", "--json").said[0], "then": "HEAD~1", "now": "HEAD"}
    project.write("lr: 2.0e-3", "lr: 4.0e-3")
    git(project, "checkout", "-q", "HEAD~1", "--", *TEXTS)
    git(project, "checkout", "-q", "-b", "other", "HEAD~1", "--force")
    project.write("seed: 7", "seed: 8")
    project.build()
    git(project, "commit", "-q", "-a", "-m", "other")
    subprocess.run(["git", "merge", "-q", "-"], cwd=project.root, check=False, capture_output=True)
    conflict = project.path("lora.lock").read_bytes()
    assert b"<<<<<<<" in conflict
    told = project.run("diff")
    assert told.code == 2
    assert "merge conflict" in told.text


def test_a_verification_builds_all_of_it_again(project):
    before = held(project)
    seen = project.run("verify", "--json")
    assert seen.code == 0
    found = seen.said[-1]
    assert (found["ok"], found["bytes_compared"], found["first"]) == (True, True, None)
    assert all(stage["compared"] == stage["items"] for stage in found["stages"])
    ran = {event["stage"]: event["ran"] for event in seen.events("stage_done")}
    assert ran == {"scan": 7, "prepare": 7, "tag": 7, "caption": 7, "balance": 1} | {
        "latents": 9,
        "text": 8,
        "train": 1,
        "sample": 2,
        "package": 1,
    }
    assert [output["locked"] for output in found["outputs"]] == [output["made"] for output in found["outputs"]]
    assert held(project) == before


def test_a_clone_without_a_store_is_verified(project):
    project.path(".lorabuild").rename(project.root.parent / "away")
    seen = project.run("verify", "--json")
    assert seen.code == 0
    assert seen.said[-1]["outputs"][-1]["made"] == project.sha()


def test_a_stage_whose_result_was_altered_is_named(project):
    with Store(project.path(".lorabuild")) as store:
        name, key = next(iter(store.latest("latents").items()))
        made = store.results([key])[key]
        blob = store.write(b"altered" * 9999)
        store.commit([type(made)(**{**fields(made), "outputs": {"latents": blob}})])
    seen = project.run("verify", "--json")
    assert seen.code == 3
    found = seen.said[-1]
    assert found["first"] == "latents"
    assert {stage["stage"]: stage["differ"] for stage in found["stages"] if stage["differ"]} == {"latents": [name]}
    assert "latents (the first that differs): 1 of 9 differ" in project.run("verify").text


def fields(result):
    return {name: getattr(result, name) for name in type(result).__dataclass_fields__}


def test_another_result_than_the_locks_is_a_difference(project):
    lock = json.loads(project.path("lora.lock").read_bytes())
    lock["outputs"][small.LORA] = "0" * 64
    project.path("lora.lock").write_bytes(write_lock(lock))
    seen = project.run("verify")
    assert seen.code == 3
    assert f"  {small.LORA}  000000000000 in the lock, {project.sha()[:12]} now" in seen.text.splitlines()


@pytest.fixture
def elsewhere(project):
    """The lock as another machine would have written it."""
    lock = json.loads(project.path("lora.lock").read_bytes())
    lock["record"]["train"][0] |= {"device": "cuda", "name": "a card"}
    lock["outputs"][small.LORA] = "0" * 64
    project.path("lora.lock").write_bytes(write_lock(lock))
    return project


def test_bytes_of_another_kind_of_machine_are_not_compared(elsewhere):
    lock = elsewhere.path("lora.lock").read_bytes()
    seen = elsewhere.run("verify", "--json").said[-1]
    assert (seen["ok"], seen["bytes_compared"]) == (True, False)
    assert "train: device cuda → cpu" in seen["why"]
    locked = elsewhere.build("--locked")
    assert locked.code == 0
    assert [event["code"] for event in locked.events("note")] == ["other-machine"]
    assert elsewhere.path("lora.lock").read_bytes() == lock
    assert elsewhere.build().code == 0
    assert elsewhere.path("lora.lock").read_bytes() != lock


def test_inputs_are_held_to_the_lock_of_another_machine(elsewhere):
    elsewhere.write("1.0e-3", "2.0e-3")
    refused = elsewhere.build("--locked")
    assert refused.code == 3
    assert "settings.training.optimizer.lr" in refused.text


def test_the_kind_of_run_is_in_the_lock(project):
    record = json.loads(project.path("lora.lock").read_bytes())["record"]
    (train,) = record["train"]
    assert (train["device"], train["dtype"], train["threads"], train["deterministic"]) == ("cpu", "float32", 1, True)
    assert train["torch"] == torch.__version__
    assert set(record) == {"latents", "text", "train", "sample"}
    text = project.path("lora.lock").read_text("utf-8")
    assert os.uname().nodename not in json.loads(text)["record"]
    assert str(project.root) not in text


def test_the_settings_stand_in_the_lock_line_by_line(project):
    before = project.path("lora.lock").read_text("utf-8").splitlines()
    project.write("lr: 1.0e-3", "lr: 2.0e-3")
    project.build()
    after = project.path("lora.lock").read_text("utf-8").splitlines()
    new = [line.split(":")[0].strip() for line in after if line not in before]
    assert new[0] == '"training.optimizer.lr"'
    assert set(new[1:]) <= {f'"{name}"' for name in ("train", "sample", "package", *OUTPUTS)}


def test_runs_that_need_not_be_deterministic_say_so_in_their_key_alone_on_a_cpu(project):
    before = project.path("lora.lock").read_bytes()
    project.write("seed: 7", "seed: 7, deterministic: false")
    assert project.build().ran == {"train": 1, "sample": 1, "package": 1, "report": 1}
    lock = json.loads(project.path("lora.lock").read_bytes())
    assert lock["record"] == json.loads(before)["record"]
    assert lock["settings"]["training.deterministic"] is False
    assert lock["outputs"]["out/tiny.png"] == json.loads(before)["outputs"]["out/tiny.png"]
