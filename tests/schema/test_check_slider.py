"""lorabuild.schema.check_slider, lorabuild.schema.slider: what a slider needs, and what it has no use for."""

import pytest

from lorabuild.core.errors import ProjectError
from lorabuild.schema.check import check
from lorabuild.schema.consumed import consumed
from lorabuild.schema.load import parse
from lorabuild.schema.problems import ProblemsError

TARGET = '{target: 1girl, positive: "1girl, smile", negative: "1girl, frown"}'
GOOD = f"""\
name: smile
kind: slider
base: {{model: owner/base}}
slider: {{targets: [{TARGET}]}}
training: {{train: unet}}
"""


def loaded(tmp_path, *overrides, text=GOOD):
    return parse(text, tmp_path, overrides=overrides)


def problems(tmp_path, *overrides, text=GOOD):
    with pytest.raises(ProblemsError) as caught:
        check(loaded(tmp_path, *overrides, text=text))
    return [f"{problem['what']} | {problem['next_step']}" for problem in caught.value.problems]


def test_a_slider_needs_no_images(tmp_path):
    slider = loaded(tmp_path)
    check(slider)
    assert slider.project.concepts == {}
    assert slider.project.slider.strengths == (-2, -1, -0.5, -0.1, 0, 0.1, 0.5, 1, 2)
    assert slider.project.slider.every == 50


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("slider.steps=120", "write `steps: 100`"),
        ("slider.steps=10", "write `steps: 50`"),
        ("slider.strengths=[2, 0, -2]", "write `strengths: [-2, 0, 2]`"),
        ("slider.strengths=[0]", "write `strengths: [-1, 0, 1]`"),
        ("slider.strengths=[0, 0, 1]", "write `strengths: [0, 1]`"),
        ('slider.targets.0.negative="1girl, smile"', "there is no way to go"),
        (f"slider.targets=[{TARGET}, {TARGET}]", "stands here twice"),
        ("training.train=both", "write `training: {train: unet}`"),
        ("training.precision=fp16", "it ends in NaN"),
        ("training.compile=true", "leave `compile` out"),
        ("training.text_encoder_lr=1e-4", "`text_encoder_lr` says nothing"),
        ("training.caption_shuffle=true", "`caption_shuffle` says nothing"),
        ("training.noise.offset=0.1", "`noise` says nothing"),
        ("images.flip=true", "`images.flip` says nothing"),
        ("budget.steps=2000", "`budget` says nothing"),
        ("regularization={}", "`regularization` says nothing"),
        ("captions.tagger={type: wd14}", "`captions` says nothing"),
    ],
)
def test_what_can_t_be_meant_is_refused_before_anything_runs(tmp_path, override, said):
    (problem,) = [problem for problem in problems(tmp_path, override) if said in problem]
    assert problem


def test_targets_that_differ_in_anything_may_stand_beside_one_another(tmp_path):
    check(loaded(tmp_path, "slider.targets.0.weight=2", "slider.targets.0.neutral=girl", "images.resolution=768"))


def test_more_targets_than_an_epoch_has_batches_are_refused(tmp_path):
    targets = ", ".join(f"{{target: a{number}, positive: b}}" for number in range(3))
    told = problems(tmp_path, f"slider.targets=[{targets}]", "slider.every=2", "slider.steps=4")
    assert "write `every: 3`" in told[0]
    check(
        loaded(tmp_path, f"slider.targets=[{targets}]", "slider.every=2", "slider.steps=4", "training.accumulation=2")
    )


def test_only_a_slider_has_targets(tmp_path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures/a.png").write_bytes(b"")
    text = GOOD.replace("kind: slider", "concepts: {a: {folder: pictures}}")
    assert any("write `kind: slider`" in problem for problem in problems(tmp_path, text=text))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: a\nbase: {model: b}\n", "`concepts` is missing in lora.yaml"),
        ("name: a\nbase: {model: b}\nconcepts:\n", "nothing stands under `concepts`"),
        ("name: a\nkind: slider\nbase: {model: b}\n", "`slider` is missing in lora.yaml"),
        ("name: a\nkind: slider\nbase: {model: b}\nslider:\n", "nothing stands under `slider`"),
        ("name: a\nkind: slider\nbase: {model: b}\nslider: {steps: 50}\n", "`targets` is missing under `slider:`"),
        (GOOD.replace("positive", "positiv"), "there is no word `positiv` under `slider.targets.<number>`"),
        (GOOD.replace(", negative", ", guidence: 1, negative"), "there is no word `guidence`"),
        (GOOD.replace(", negative", ", guidance: high, negative"), "`guidance` wants a number, above 0"),
        (GOOD.replace("kind: slider", "kind: slidr"), "`kind` can't be `slidr`"),
    ],
)
def test_what_is_missing_or_misspelled_is_told_as_everywhere(tmp_path, text, said):
    with pytest.raises(ProblemsError) as caught:
        parse(text, tmp_path)
    assert said in "\n".join(problem["what"] for problem in caught.value.problems)


def test_a_place_in_a_list_can_be_set_and_says_where_it_is_wrong(tmp_path):
    assert loaded(tmp_path, "slider.targets.0.guidance=2").project.slider.targets[0].guidance == 2
    with pytest.raises(ProblemsError) as caught:
        loaded(tmp_path, "slider.targets.7.guidance=2")
    assert "`slider.targets` is no section" in str(caught.value)
    with pytest.raises(ProjectError) as caught:
        parse(GOOD.replace("1girl, frown", "1girl, smile"), tmp_path) and check(
            parse(GOOD.replace("1girl, frown", "1girl, smile"), tmp_path)
        )
    assert caught.value.where.startswith("lora.yaml:4:")


def test_every_word_of_a_target_goes_into_keys(tmp_path):
    flat = consumed(loaded(tmp_path).project, "")
    assert flat["slider.targets.0.positive"] == "1girl, smile"
    assert flat["slider.denoise.steps"] == 20
    assert flat["kind"] == "slider"
