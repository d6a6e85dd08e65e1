import tempfile

import pytest

from lorabuild.core.errors import StageError
from lorabuild.graph.tasks import run_stages


def test_stages_run_in_order_and_clean_ones_are_left_out():
    log = []
    run_stages(["a", "b", "c"], lambda stage: stage == "b", log.append)
    assert log == ["a", "c"]


def test_a_stage_is_asked_only_when_those_before_it_have_run():
    log = []

    def clean(stage):
        log.append(f"{stage}?")
        return False

    run_stages(["a", "b"], clean, log.append)
    assert log == ["a?", "a", "b?", "b"]


@pytest.mark.parametrize("error", [StageError("disk"), KeyboardInterrupt()])
def test_what_a_stage_raises_arrives_and_ends_the_run(error):
    log = []

    def run(stage):
        log.append(stage)
        if stage == "b":
            raise error

    with pytest.raises(type(error)) as caught:
        run_stages(["a", "b", "c"], lambda _: False, run)
    assert caught.value is error
    assert log == ["a", "b"]


def test_doit_leaves_nothing_on_the_disk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    run_stages(["a", "b"], lambda _: False, lambda _: None)
    assert list(tmp_path.iterdir()) == []


def test_what_the_question_raises_arrives_too():
    def clean(stage):
        raise StageError(f"{stage} waits")

    with pytest.raises(StageError, match="a waits"):
        run_stages(["a"], clean, lambda _: None)
