import pytest

from lorabuild.schema.check import check
from lorabuild.schema.check_loss import NEEDED
from lorabuild.schema.problems import ProblemsError


@pytest.fixture
def problem(project):
    """The one thing that check says about the good project with something added."""

    def tell(more):
        with pytest.raises(ProblemsError) as caught:
            check(project(more))
        assert len(caught.value.problems) == 1
        return caught.value.problems[0]

    return tell


IDLE = [
    ("noise: {offset_adaptive: 0.1}", "noise.offset_adaptive", "write `offset: 0.1`, or leave `offset_adaptive` out"),
    ("noise: {offset_random: true}", "noise.offset_random", "write `offset: 0.1`"),
    ("noise: {pyramid_discount: 0.8}", "noise.pyramid_discount", "write `pyramid: 6`"),
    ("noise: {ip_gamma_random: true}", "noise.ip_gamma_random", "write `ip_gamma: 0.1`"),
    ("p2_k: 2", "p2_k", "write `p2_gamma: 1`"),
    ("mask_floor: 0.1", "mask_floor", "write `masks: alpha`"),
    ("mask_normalize: true", "mask_normalize", "write `masks: alpha`"),
]


@pytest.mark.parametrize(("words", "where", "next_step"), IDLE)
def test_words_that_do_nothing_alone(problem, words, where, next_step):
    found = problem(f"training: {{{words}}}\n")
    assert found["where"].endswith(f" training.{where}")
    assert found["what"].startswith(f"`{where.rpartition('.')[2]}` does nothing without `")
    assert found["next_step"].startswith(next_step)


def test_every_such_word_is_tried():
    assert {f"training.{where}" for _, where, _ in IDLE} == {*NEEDED}


def test_they_are_welcome_with_what_they_need(project):
    noise = (
        "{offset: 0.1, offset_random: true, pyramid: 6, pyramid_discount: 0.8, ip_gamma: 0.1, ip_gamma_random: true}"
    )
    check(project(f"images: {{masks: alpha}}\ntraining: {{mask_floor: 0.1, p2_gamma: 1, p2_k: 2, noise: {noise}}}\n"))


def test_two_forms_of_one_weighting(problem):
    found = problem("training: {min_snr_gamma: 5, soft_min_snr_gamma: 5}\n")
    assert found["where"] == "lora.yaml:7:30 training.soft_min_snr_gamma"
    assert found["what"] == "`min_snr_gamma` and `soft_min_snr_gamma` are two forms of one weighting"


@pytest.mark.parametrize(
    ("word", "prediction"), [("scale_v_pred_loss: true", "epsilon"), ("v_pred_like_loss: 1", "v_prediction")]
)
def test_weights_for_other_models(project, word, prediction):
    check(project(f"training: {{{word}}}\n"))
    with pytest.raises(ProblemsError, match="is for models that predict"):
        check(project(f"training: {{{word}}}\n", overrides=[f"base.prediction={prediction}"]))


@pytest.mark.parametrize("range_", ["min: 500, max: 500", "max: 10, min: 20"])
def test_no_timestep_left(problem, range_):
    found = problem(f"training: {{timesteps: {{{range_}}}}}\n")
    assert "no timestep is left" in found["what"]
    assert found["where"].endswith("training.timesteps.min")


def test_the_usual_kinds_need_no_type(project):
    training = project("training: {timesteps: {min: 100}, loss: {}}\n").project.training
    assert (training.timesteps.type, training.timesteps.min, training.loss.type) == ("uniform", 100, "l2")
