"""Variants in a real build: one set of caches, each its own training and files."""

import json

import pytest
from safetensors import safe_open

from lorabuild.core.launch import Launch
from lorabuild.core.store import Store
from lorabuild.training import crew

VARIANTS = "variants: {big: {network.dim: 4}, quiet: {training.train: unet, samples.prompts: []}}\n"


@pytest.fixture(scope="module")
def many(tmp_path_factory, built):
    """The built small project with two variants more, built."""
    project = built.copy(tmp_path_factory.mktemp("variants") / "tiny")
    path = project.path("lora.yaml")
    path.write_text(path.read_text("utf-8") + VARIANTS, "utf-8")
    return project, project.build()


def dims(project, name):
    with safe_open(project.path(f"out/{name}.safetensors"), "pt") as opened:
        shapes = {key: opened.get_slice(key).get_shape() for key in opened.keys() if "lora_down" in key}  # noqa: SIM118
        return {shape[0] for shape in shapes.values()}, {key.split("_")[1] for key in shapes}, opened.metadata()


def test_only_the_variants_own_work_is_done(many, built):
    project, done = many
    assert done.code == 0, done.text
    assert done.ran.keys() <= {"text", "train", "sample", "package", "report", "latents"}
    assert (done.ran["train"], done.ran["package"]) == (2, 2)
    assert project.sha() == built.sha()
    assert dims(project, "tiny-big")[0] == {4}
    assert dims(project, "tiny-quiet")[1] == {"unet"} != dims(project, "tiny-big")[1]
    assert dims(project, "tiny-big")[2]["ss_output_name"] == "tiny-big"
    assert {"tiny-big.png", "tiny-big-report.html", "tiny-quiet.json"} <= {
        path.name for path in project.path("out").iterdir()
    }


def test_then_there_is_nothing_to_do_and_the_quick_answer_knows_them(many):
    project, _ = many
    project.build()  # the first one had files that were too young for the quick answer
    process = project.process("build", "--json")
    out, _ = process.communicate(timeout=60)
    (done,) = [json.loads(line) for line in out.splitlines()]
    assert not any(counts["ran"] for counts in done["stages"].values())
    assert done["stages"]["train"]["reused"] == 3
    assert "out/tiny-big.safetensors" in [entry["path"] for entry in done["outputs"]]
    assert project.run("build", "--locked", "--json").code == 0


def test_plan_status_why_and_history(many):
    project, _ = many
    assert project.run("plan").code == 0
    assert project.run("why", "big").text.startswith("big: nothing changed")
    said = json.loads(project.run("status", "--json").text)
    assert [one["name"] for one in said["variants"]] == ["big", "quiet"]
    found = project.run("plan", "--json", "--set", "training.seed=3")
    assert found.code == 3
    rows = {stage["name"]: stage for stage in json.loads(found.text)["stages"]}
    assert [entry["item"] for entry in rows["train"]["reasons"]] == ["train", "big: train", "quiet: train"]


def test_a_lost_file_of_a_variant_is_handed_out_again_and_verify_compares_it(many):
    project, _ = many
    before = project.sha("out/tiny-big.safetensors")
    project.path("out/tiny-big.safetensors").unlink()
    assert project.build().code == 0
    assert project.sha("out/tiny-big.safetensors") == before
    found = project.run("verify", "--json")
    assert found.code == 0, found.text
    compared = {entry["path"]: entry for entry in found.said[-1]["outputs"]}
    assert compared["out/tiny-big.safetensors"]["made"] == before


def test_one_variant_alone(many, tmp_path):
    project = many[0].copy(tmp_path / "tiny")
    project.write("network.dim: 4", "network.dim: 3")
    lock = project.path("lora.lock").read_bytes()
    done = project.build("--variant", "big")
    assert done.code == 0, done.text
    assert done.ran["train"] == 1
    assert dims(project, "tiny-big")[0] == {3}
    assert project.path("lora.lock").read_bytes() == lock
    assert project.build("--no-variants").ran == {"report": 1}  # it tells all words
    assert project.build().code == 0
    assert project.path("lora.lock").read_bytes() != lock
    assert project.build("--variant", "bigg").code == 2
    drawn = project.build("--variant", "big", "--set", "samples.seed=9")  # one picture without the LoRA, one with it
    assert drawn.code == 0, drawn.text
    assert drawn.ran["sample"] == 2


def trainings(project):
    """Key → what came out of every training that the store holds, but for the log's clock."""
    with Store(project.path(".lorabuild"), read_only=True) as store:
        made = store.results(store.latest("train").values()).values()
        return {one.key: {name: blob for name, blob in one.outputs.items() if "epoch" in name} for one in made}


def test_with_several_gpus_they_train_side_by_side_to_the_same_bytes(many, tmp_path, monkeypatch):
    project = many[0].copy(tmp_path / "tiny")
    monkeypatch.setattr(crew, "gpus", lambda: 2)
    started, start = [], crew.Helper.__init__

    def helper(self, launch, root, job, number):
        started.append(launch)
        start(self, launch, root, job, number)

    monkeypatch.setattr(crew.Helper, "__init__", helper)
    seed = ("--set", "training.seed=3", "--set", "device.type=auto")
    done = project.build("train", *seed)
    assert done.code == 0, done.text
    assert started[0] == Launch(0, 1, 1, 2)
    assert [event["text"] for event in done.events("note") if event["code"] == "beside"] == [
        "big, quiet train beside it: there are 2 GPUs"
    ]
    queued = many[0].copy(tmp_path / "queued")
    monkeypatch.undo()
    assert queued.build("train", *seed).code == 0
    assert trainings(project) == trainings(queued)
    assert not list(project.path(".lorabuild/work").iterdir())
