import pytest

from lorabuild.schema.check import check
from lorabuild.schema.problems import ProblemsError

SAMPLES = "samples: {prompts: [a], %s}"

WRONG = {
    "side": ("samples: {width: 100}", "samples.width", "100 pixels", "width: 96"),
    "side of a prompt": ("samples: {prompts: [a, b --h 60]}", "samples.prompts.1.height", "60 pixels", "height: 64"),
    "empty": ("samples: {prompts: ['']}", "samples.prompts.0", "is empty", "delete it"),
    "options alone": ("samples: {prompts: [' --w 64']}", "samples.prompts.0", "is empty", "delete it"),
    "no file": ("samples: {file: p.txt}", "samples.file", "no file `p.txt`", "looked at"),
    "no checkpoints": (SAMPLES % "every: 50", "samples.every", "only those of epochs", "save_every: 50"),
    "unknown option": ("samples: {prompts: [a --w 64 --v 3]}", "samples.prompts.0", "no option `--v`", "known: --n"),
    "no sampler": (SAMPLES % "sampler: eulre_a", "samples.sampler", "eulre_a", "sampler: euler_a"),
    "a word of a prompt": (
        "samples: {prompts: [{prompt: a, widht: 64}]}",
        "samples.prompts.0.widht",
        "no word `widht`",
        "`width`",
    ),
}


@pytest.mark.parametrize("mistake", WRONG.values(), ids=WRONG)
def test_a_mistake_is_answered_with_its_place_and_the_cure(project, mistake):
    more, where, what, next_step = mistake
    with pytest.raises(ProblemsError) as caught:
        check(project(more + "\n"))
    first = caught.value.problems[0]
    assert first["where"].endswith(f" {where}")
    assert what in first["what"]
    assert next_step in first["next_step"]


def test_sides_in_a_file_are_looked_at_too(project):
    loaded = project("samples: {file: p.txt}\n")
    (loaded.site.root / "p.txt").write_text("zorbl --w 70\n", "utf-8")
    with pytest.raises(ProblemsError, match="no picture is 70 pixels") as caught:
        check(loaded)
    assert caught.value.problems[0]["where"] == "p.txt: zorbl"


def test_a_trigger_can_only_be_put_in_where_there_is_one(project):
    good = "name: zorbl\nbase: {model: base}\nconcepts: {plain: {folder: dataset/plain}}\n"
    with pytest.raises(ProblemsError, match="no trigger to put into"):
        check(project("samples: {prompts: ['{trigger}, a']}\n", good=good))


def test_a_slider_has_its_own_strengths(project):
    slid = """\
name: smile
kind: slider
base: {model: base}
slider: {targets: [{target: face, positive: smile, negative: frown}]}
training: {train: unet}
samples: {weights: [1]}
"""
    with pytest.raises(ProblemsError, match=r"slider\.strengths"):
        check(project(good=slid))


def test_what_is_right_passes(project):
    lines = "prompts: [a --w 64 --h 96, {prompt: b, sampler: lcm}], every: 50, seeds: [1, 2], weights: [0.5, 1]"
    check(project(f"samples: {{{lines}}}\ntraining: {{save_every: 25}}\n"))
