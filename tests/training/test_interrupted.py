"""A training that is cut short between any two accumulated batches, or at any write, ends as one left alone."""

import contextlib
import itertools

import pytest
from tiny_training import Trained, settings

from lorabuild.training import state as states
from lorabuild.training.passes import Passes


class Cut(BaseException):
    """What nothing in the loop may catch."""


WORDS = {
    "optimizer": {"type": "adamw", "lr": 0.01},
    "accumulation": 2,
    "save_state_every": 3,
    "caption_dropout": 0.3,
    "ema": {"decay": 0.9},
    "save_every": 4,
    "keep_checkpoints": 2,
    "validation": {"timesteps": 2},
}
HELD = (1, 4)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return Trained(tmp_path_factory.mktemp("whole"), settings(**WORDS), held=HELD)


def cutting(real, first, *, after):
    """A function that cuts at a call, and again after one, two, three … more, before or after its work."""
    calls = itertools.count(1)
    cuts = {first + number * (number + 1) // 2 for number in range(40)}

    def call(*given):
        cut = next(calls) in cuts
        if cut and not after:
            raise Cut
        answer = real(*given)
        if cut:
            raise Cut
        return answer

    return call


def resumed(folder):
    """Train in a folder until it is through; how often that was begun."""
    for attempts in itertools.count(1):
        with contextlib.suppress(Cut):
            return Trained(folder, settings(**WORDS), held=HELD), attempts
    raise AssertionError


@pytest.mark.parametrize("first", [1, 2, 8])
def test_between_two_batches_of_one_step_and_between_two_steps(whole, tmp_path, monkeypatch, first):
    monkeypatch.setattr(Passes, "_batch", cutting(Passes._batch, first, after=True))
    again, attempts = resumed(tmp_path)
    assert attempts > 5
    assert (again.epochs, again.log, again.state.files) == (whole.epochs, whole.log, whole.state.files)
    assert again.state.whole() == whole.state.whole()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("first", [1, 2, 3])
def test_at_a_write_of_a_state_or_of_an_epoch(whole, tmp_path, monkeypatch, first, after):
    monkeypatch.setattr(states, "write_atomic", cutting(states.write_atomic, first, after=after))
    again, attempts = resumed(tmp_path)
    assert attempts > 2
    assert (again.epochs, again.log, again.state.files) == (whole.epochs, whole.log, whole.state.files)
    assert again.state.whole() == whole.state.whole()


def test_what_is_kept(whole):
    assert sorted(whole.state.files) == ["epoch-0002", "epoch-0003", "step-00000008", "step-00000012"]
    lying = {path.stem for path in whole.state.folder.glob("*.safetensors") if not path.name.startswith("state")}
    assert lying >= set(whole.state.files)
