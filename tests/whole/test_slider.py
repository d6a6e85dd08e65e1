"""A slider from its lora.yaml to its files, on a base with random weights: no image anywhere, nothing done twice."""

import json
import shutil

import pytest
import safetensors
import small
import tiny_sdxl
import torch

from lorabuild.graph.lock import read_lock
from lorabuild.schema.project import Project
from lorabuild.schema.words import shape, words

SETTINGS = """\
name: bigger
kind: slider
base: {model: base}
slider:
  targets:
    - {target: cat, positive: big cat, negative: small cat}
    - {target: dog, positive: big dog, negative: small dog, guidance: 2, resolution: 32}
  steps: 4
  every: 2
  strengths: [-1, 0, 1]
  denoise: {steps: 2}
images: {resolution: 64}
network: {dim: 2, alpha: 1}
training: {optimizer: {lr: 1.0e-3}, train: unet, batch: 2, precision: fp32, seed: 7}
samples: {prompts: [a cat], steps: 2}
output: {folder: out}
device: {type: cpu, threads: 1}
"""
LORA = "out/bigger.safetensors"
TEXTS, PICTURES = 7, 5  # six prompts and the empty one; two checkpoints at two strengths, and one without


@pytest.fixture(scope="module")
def fresh_slider(tmp_path_factory, models):
    root = tmp_path_factory.mktemp("slider") / "bigger"
    shutil.copytree(models / "base", root / "base")
    (root / "lora.yaml").write_text(SETTINGS, "utf-8")
    return small.Small(root)


@pytest.fixture(scope="module")
def slider(fresh_slider):
    """The slider after its first build. Not to be changed."""
    done = fresh_slider.build()
    assert done.code == 0, done.text
    assert done.ran == {"text": TEXTS, "train": 1, "sample": PICTURES, "package": 1, "report": 1}
    return fresh_slider


@pytest.fixture
def project(slider, tmp_path):
    return slider.copy(tmp_path / "bigger")


def test_the_stages_of_images_have_nothing_to_do(slider):
    (plan,) = slider.run("plan", "--json").said
    totals = {stage["name"]: stage["total"] for stage in plan["stages"]}
    idle = ("scan", "prepare", "tag", "caption", "balance", "latents")
    assert {stage: totals[stage] for stage in idle} == dict.fromkeys(idle, 0)
    assert plan["clean"]
    assert (plan["concepts"], plan["triggers"]) == ([], [])
    assert plan["steps"] == {"image": 8, "optimizer": 4, "epochs": 2}
    assert [(row["name"], row["per_epoch"]) for row in plan["targets"]] == [("cat", 2), ("dog", 2)]


def test_a_person_reads_what_it_moves(slider):
    said = slider.run("plan").text
    assert "cat: strength 1 leads to “big cat”, -1 to “small cat” (guidance 1); 2 looks an epoch" in said
    assert "8 looks = 4 optimizer steps in 2 epochs" in said
    assert "concept" not in said
    status = slider.run("status").text
    assert "bigger: up to date" in status
    assert "dog: strength 1 leads to “big dog”" in status


def test_again_nothing_runs(project):
    assert project.build().ran == {}
    assert project.build().ran == {}


@pytest.mark.parametrize(
    ("setting", "ran"),
    [
        ("slider.targets.0.guidance=1.5", {"train": 1, "sample": 4, "package": 1, "report": 1}),
        ("slider.targets.1.action=erase", {"train": 1, "sample": 4, "package": 1, "report": 1}),
        ("slider.targets.1.positive=huge dog", {"text": 1, "train": 1, "sample": 4, "package": 1, "report": 1}),
        ("slider.strengths=[-1, 0, 1, 2]", {"sample": 2, "package": 1, "report": 1}),
        ("finish=[{resize: 1}]", {"sample": 2, "package": 1, "report": 1}),
        ("samples.every=end", {"package": 1, "report": 1}),
        ("output.author=someone", {"package": 1, "report": 1}),
    ],
)
def test_a_change_redoes_what_it_touches(project, setting, ran):
    assert project.build("--set", setting).ran == ran


def test_more_steps_leave_more_checkpoints(project):
    assert project.build("--set", "slider.steps=6", "--set", "training.schedule={type: constant}").ran["sample"] == 6


WORDS = {word.dotted: word for word in words(Project) if word.dotted.startswith("slider.")}
TRIED = {
    "slider.targets": [{"target": "cat", "positive": "big cat"}],
    "slider.targets.<number>.target": "kitten",
    "slider.targets.<number>.positive": "huge cat",
    "slider.targets.<number>.negative": "tiny cat",
    "slider.targets.<number>.neutral": "some cat",
    "slider.targets.<number>.action": "erase",
    "slider.targets.<number>.guidance": 1.5,
    "slider.targets.<number>.weight": 2,
    "slider.targets.<number>.resolution": 128,
    "slider.steps": 6,
    "slider.every": 4,
    "slider.strengths": [0, 1],
    "slider.denoise.steps": 3,
    "slider.denoise.cfg": 1,
}


@pytest.mark.parametrize(
    "dotted", [name for name, word in WORDS.items() if shape(word.field.annotation).kind != "section"]
)
def test_changing_a_word_of_it_changes_the_plan(slider, dotted):
    """Declared means consumed; a slider's words are looked at here because no other project can have them."""
    setting = f"{dotted.replace('<number>', '0')}={json.dumps(TRIED[dotted])}"
    (usual,) = slider.run("plan", "--json").said
    (plan,) = slider.run("plan", "--json", "--set", setting).said
    assert usual["clean"]
    todo = {stage["name"] for stage in plan["stages"] if stage["todo"]}
    assert ("package" if dotted == "slider.strengths" else "train") in todo
    assert not plan["clean"]


def test_on_sdxl_with_zero_terminal_snr_and_long_prompts(slider, tmp_path):
    """Two text encoders, sizes, v-prediction from pure noise on: a finite loss, and gradients that move something."""
    project = small.Small(tmp_path / "sdxl")
    tiny_sdxl.make(project.root / "base")
    shutil.copy(slider.path("lora.yaml"), project.path("lora.yaml"))
    project.write("{model: base}", "{model: base, family: sdxl, prediction: v_prediction, zero_terminal_snr: true}")
    project.write("positive: big cat", f"positive: {'big ' * 90}cat")
    done = project.build("package", "--set", "samples.prompts=[]")
    assert done.code == 0, done.text
    with safetensors.safe_open(project.path(LORA), "pt") as opened:
        ups = [opened.get_tensor(name) for name in opened.keys() if name.endswith("lora_up.weight")]  # noqa: SIM118
    assert all(up.isfinite().all() for up in ups)
    assert any(up.any() for up in ups)


def test_why_says_the_word_that_changed(project):
    said = project.run("why", "slider", "--set", "slider.targets.0.guidance=1.5").text
    assert "slider.targets.0.guidance 1.0 → 1.5" in said
    assert project.run("why", "train", "--set", "training.seed=8").text.count("training.seed 7 → 8") == 1


def test_the_file_says_what_it_is(slider):
    with safetensors.safe_open(slider.path(LORA), "pt") as opened:
        words = opened.metadata()
        assert {opened.get_tensor(name).dtype for name in opened.keys()} == {torch.float16}  # noqa: SIM118
        assert all(name.startswith("lora_unet_") for name in opened.keys())  # noqa: SIM118
    assert [target["positive"] for target in json.loads(words["lorabuild.slider"])] == ["big cat", "big dog"]
    assert json.loads(words["lorabuild.strengths"]) == [-1, 1]
    assert (words["ss_num_train_images"], words["ss_dataset_dirs"], words["ss_steps"]) == ("0", "{}", "4")
    card = json.loads(slider.path("out/bigger.json").read_text("utf-8"))
    assert "Use it at strengths −1 to 1; 0 is the base model." in card["notes"]
    assert "images" not in card["notes"]


def test_what_finish_made_is_drawn_and_shown(project):
    before = project.path("out/bigger.png").read_bytes()
    project.write("samples:", "finish: [{rebase: {from: 0.5}}]\nsamples:")
    assert project.build().code == 0
    assert project.path("out/bigger.png").read_bytes() != before
    assert "a cat · step 4, finished" in project.path("out/report.html").read_text("utf-8")
    assert "Rows called “finished” are the file itself" in project.path("out/README.md").read_text("utf-8")


def test_the_page_shows_strengths_and_no_images(slider):
    page = slider.path("out/report.html").read_text("utf-8")
    assert "cat: strength 1 leads to “big cat”, −1 to “small cat”" in page
    assert page.count("strength −1") >= 2
    assert 'id="images"' not in page
    assert 'id="balance"' not in page
    assert "Use it at strengths −1 to 1" in page


def test_the_lock_names_targets_and_no_image(slider):
    lock = read_lock(slider.root)
    assert lock["concepts"] == {}
    assert lock["settings"]["slider.targets.1.guidance"] == 2.0
    assert lock["stages"]["scan"]["count"] == 0
    assert slider.path("lora.manifest.tsv").read_text("utf-8") == "path\tdigest\tcaption\n"


def test_it_is_built_aside_with_the_same_bytes(slider):
    found = slider.run("verify", "--json").said[-1]
    assert (found["ok"], found["bytes_compared"]) == (True, True)


def test_a_killed_training_goes_on_to_the_same_bytes(fresh_slider, slider, tmp_path):
    torn = small.Small(tmp_path / "torn")
    shutil.copytree(fresh_slider.path("base"), torn.root / "base")
    shutil.copy(slider.path("lora.yaml"), torn.path("lora.yaml"))
    often = ("--set", "training.save_state_every=1")
    with torn.process("build", "--json", *often) as process:
        for line in process.stdout:
            if '"progress"' in line and '"train"' in line:
                process.kill()
                break
    assert torn.build(*often).code == 0
    assert torn.sha(LORA) == slider.sha(LORA)
