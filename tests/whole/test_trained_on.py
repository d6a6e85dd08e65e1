"""A raised budget, changed images, an early end: what is trained again, what is gone on from, and that it is told."""

import json
import signal

import pytest
import small
from safetensors.torch import load

from lorabuild.core.store import Store

CONSTANT = "training: {optimizer: {lr: 1.0e-3}, batch: 4, precision: fp32, seed: 7, schedule: {type: constant}"
PLAIN = "training: {optimizer: {lr: 1.0e-3}, batch: 4, precision: fp32, seed: 7}"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return small.make_models(tmp_path_factory.mktemp("trained_on") / "models")


def made(root, models, *, words="", budget="steps: 24, epochs: 2", schedule="constant"):
    project = small.make(root, models)
    project.write(PLAIN, f"{CONSTANT.replace('constant', schedule)}{words}}}")
    project.write("budget: {steps: 24, epochs: 2}", f"budget: {{{budget}}}")
    return project


def notes(built):
    return {event["code"]: event["text"] for event in built.events("note") if event.get("code") in CODES}


CODES = {"resumed", "afresh", "continued", "validation", "stopped"}


def outputs(project):
    """Name → bytes of everything that the last training left."""
    with Store(project.path(".lorabuild"), read_only=True) as store:
        key = store.latest("train")["train"]
        result = store.results([key])[key]
        return {name: store.read(blob) for name, blob in result.outputs.items()}, result


def test_a_raised_budget_goes_on_and_gives_what_training_all_of_it_gives(tmp_path, models):
    grown = made(tmp_path / "grown", models)
    assert grown.build().code == 0
    before, _ = outputs(grown)
    grown.write("budget: {steps: 24, epochs: 2}", "budget: {steps: 36, epochs: 3}")
    built = grown.build()
    assert built.code == 0
    assert notes(built) == {"resumed": f"goes on from step {len(before['log'].splitlines())}"}
    whole = made(tmp_path / "whole", models, budget="steps: 36, epochs: 3")
    assert whole.build().code == 0
    ours, theirs = outputs(grown)[0], outputs(whole)[0]
    assert ours == theirs
    assert {name: ours[name] for name in before if name.startswith("epoch")} == {
        name: data for name, data in before.items() if name.startswith("epoch")
    }
    assert grown.sha() == whole.sha()
    assert grown.run("verify").code == 0


def test_a_schedule_that_falls_otherwise_is_trained_from_the_start_and_says_so(tmp_path, models):
    project = made(tmp_path / "p", models, schedule="cosine")
    assert project.build().code == 0
    project.write("budget: {steps: 24, epochs: 2}", "budget: {steps: 36, epochs: 3}")
    told = notes(project.build())
    assert "the cosine schedule of" in told["afresh"]
    assert told["afresh"].endswith("it is trained from the start")
    assert "resumed" not in told


def test_changed_images_are_trained_on_top_and_the_lock_tells_the_parent(tmp_path, models):
    project = made(tmp_path / "p", models, words=", on_change: continue, rehearsal: 0.5")
    assert project.build().code == 0
    _, first = outputs(project)
    small.picture((250, 250, 10)).save(project.path("dataset/plain/new.png"))
    built = project.build()
    assert built.code == 0, built.text
    assert notes(built)["continued"].startswith("goes on from the last LoRA with 1 changed image and ")
    made_now, second = outputs(project)
    assert second.facts["continued"]["key"] == first.key
    assert second.facts["steps"] < first.facts["steps"]
    lock = json.loads(project.path("lora.lock").read_text("utf-8"))
    assert lock["lineage"]["train"] == second.facts["continued"]
    again = project.build()
    assert again.ran == {}
    assert project.run("verify").code == 0
    moved = load(made_now[max(name for name in made_now if name.startswith("epoch"))])
    with Store(project.path(".lorabuild"), read_only=True) as store:
        parent = load(store.read(first.outputs["epoch-0002"]))
    assert moved.keys() == parent.keys()
    assert any(not moved[name].equal(parent[name]) for name in moved)
    fresh = project.build("--fresh")
    assert fresh.ran["train"] == 1
    assert "lineage" not in json.loads(project.path("lora.lock").read_text("utf-8"))
    assert project.build().ran == {}


def test_an_early_end_is_the_result(tmp_path, models):
    words = ", early_stop: {patience: 1, min_delta: 5.0}, validation: {share: 0.3}, ema: {decay: 0.9}, save_every: 2"
    project = made(tmp_path / "p", models, words=words, budget="steps: 60, epochs: 5")
    assert "held out of the training" in project.run("plan").text
    built = project.build()
    assert built.code == 0, built.text
    told = notes(built)
    assert told["stopped"].startswith("the training ended early, after epoch 2 of 5")
    made_now, result = outputs(project)
    assert result.facts["epochs"] == 2
    assert result.facts["validation"] > 0
    assert {"epoch-0001", "epoch-0002", "step-00000002"} <= set(made_now)
    assert "epoch-0003" not in made_now
    assert project.build().ran == {}
    assert project.run("plan").code == 0


def test_ctrl_c_and_sigterm_save_the_step_under_way(tmp_path, models):
    project = made(tmp_path / "p", models, words=", save_state_every: 100000", budget="steps: 4000, epochs: 2")
    saved = 0
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        with project.process("build", "--json") as running:
            said = [json.loads(next(line for line in running.stdout if done_in_training(line)))]
            running.send_signal(number)
            said += [json.loads(line) for line in running.stdout]
            assert "Traceback" not in running.stderr.read()
        assert running.returncode == code
        last = max(done_in_training(json.dumps(event)) for event in said)
        before, saved = saved, max(int(path.name[6:14]) for path in project.root.glob(".lorabuild/work/*/state-*"))
        assert saved >= last > before


def done_in_training(line):
    """Which step an event tells of, if it is one of the training."""
    event = json.loads(line)
    return event["done"] if event["event"] == "progress" and event.get("stage") == "train" else 0
