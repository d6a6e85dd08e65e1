import pytest

from lorabuild.schema.check_run import run


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"training.precision": "fp16", "device.type": "cpu"}, "fp16 is trained on CUDA only"),
        ({"training.early_stop": "{}", "training.validation": "{every: end}"}, "taken at the end only"),
    ],
)
def test_what_does_not_go_together_is_refused(project, words, said):
    found = list(run(project(overrides=[f"{word}={value}" for word, value in words.items()])))
    assert len(found) == 1
    assert said in found[0].what


@pytest.mark.parametrize("words", [["training.precision=fp16"], ["training.early_stop={}", "training.validation={}"]])
def test_what_does_is_not(project, words):
    assert list(run(project(overrides=words))) == []
