import pytest

from lorabuild.schema.check_base import base

CONCEPTS = "concepts: {plain: {folder: dataset/plain}}\n"


def problems(project, words):
    loaded = project(good=f"name: a\nbase: {{model: base, {words}}}\n{CONCEPTS}")
    return list(base(loaded))


@pytest.mark.parametrize(
    "words",
    [
        "family: sdxl",
        "family: sdxl, clip_skip: 2",
        "family: sd2, clip_skip: 3",
        "prediction: epsilon",
        "zero_terminal_snr: true",
        "prediction: epsilon, zero_terminal_snr: false",
        "prediction: v_prediction, zero_terminal_snr: true",
    ],
)
def test_what_goes_together(project, words):
    assert problems(project, words) == []


def test_sdxl_reads_one_layer_only(project):
    (problem,) = problems(project, "family: sdxl, clip_skip: 3")
    assert problem.where.endswith("base.clip_skip")
    assert "clip_skip 3" in problem.what
    assert "leave `clip_skip` out" in problem.next_step


def test_epsilon_can_t_begin_without_signal(project):
    (problem,) = problems(project, "prediction: epsilon, zero_terminal_snr: true")
    assert problem.where.endswith("base.zero_terminal_snr")
    assert "v_prediction" in problem.next_step
