import json
import math
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_training import Trained, settings

import lorabuild
from lorabuild.training.logs import Row
from lorabuild.training.stopping import by_epoch, interruptible, is_over, stopped_early

LOSSES = st.lists(st.floats(0, 10), max_size=30)


@given(LOSSES, st.integers(1, 5), st.floats(0, 1))
def test_it_goes_on_exactly_while_one_of_the_last_was_better(losses, patience, delta):
    over = is_over(losses, patience, delta)
    assert over == (
        len(losses) > patience and all(loss >= min(losses[:-patience]) - delta for loss in losses[-patience:])
    )


def test_a_falling_loss_never_ends_and_a_flat_one_does():
    assert not any(is_over([1 / (n + 1) for n in range(m)], 2, 0) for m in range(20))
    assert [is_over([1.0] * m, 2, 0) for m in range(5)] == [False, False, False, True, True]


def test_epochs_are_judged_by_their_last_step_and_unfinished_ones_are_not():
    rows = [Row(n, n // 2 + 1, 1.0, float(n), 0, 0, 0, validation=n / 10 if n % 2 else math.nan) for n in range(7)]
    assert by_epoch(rows, 3, validated=False) == [1.0, 3.0, 5.0]
    assert by_epoch(rows, 3, validated=True) == [0.1, 0.3, 0.5]
    assert not stopped_early(settings(), rows, 3)
    assert stopped_early(settings(early_stop={"patience": 2}), rows, 3)
    assert not stopped_early(settings(early_stop={"patience": 2, "min_delta": 0}), rows, 2)


def test_a_training_that_no_longer_gets_better_ends_and_stays_ended(tmp_path):
    words = {"optimizer": {"type": "adamw", "lr": 1e-9}, "early_stop": {"patience": 1}, "validation": {}}
    words["schedule"] = {"type": "constant"}
    trained = Trained(tmp_path, settings(**words), epochs=9, held=(1, 4))
    assert 1 < trained.state.epoch < 9
    assert trained.course.is_over(trained.state)
    again = Trained(tmp_path, settings(**words), epochs=9, held=(1, 4))
    assert again.log == trained.log


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_waits_for_the_end_of_the_step_and_is_then_handed_on(number):
    got, before = [], signal.getsignal(number)
    signal.signal(number, lambda came, _: got.append(came))
    try:
        with interruptible(here=True) as stop:
            stop.leave()
            signal.raise_signal(number)
            assert (stop.number, got) == (number, [])
            with pytest.raises(KeyboardInterrupt):
                stop.leave()
            assert got == [number]
    finally:
        signal.signal(number, before)


def test_the_second_signal_does_not_wait():
    before = signal.getsignal(signal.SIGINT)
    with interruptible(here=True):
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_helpers_and_threads_leave_the_signals_alone():
    before, seen = signal.getsignal(signal.SIGTERM), []
    with interruptible(here=False):
        assert signal.getsignal(signal.SIGTERM) is before

    def other():
        with interruptible(here=True):
            seen.append(signal.getsignal(signal.SIGTERM) is before)

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert seen == [True]


def test_ctrl_c_saves_the_very_step_and_the_result_is_the_same(tmp_path):
    whole = Trained(tmp_path / "whole", settings(save_state_every=1000))
    (tmp_path / "cut").mkdir()
    words = json.dumps({"save_state_every": 1000})
    program = [sys.executable, Path(__file__).with_name("tiny_training.py"), tmp_path / "cut", "5", words, "SIGINT"]
    room = {**os.environ, "PYTHONPATH": str(Path(lorabuild.__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    died = subprocess.run(program, env=room, check=False, capture_output=True, timeout=300)
    assert died.returncode == -signal.SIGINT or b"KeyboardInterrupt" in died.stderr
    again = Trained(tmp_path / "cut", settings(save_state_every=1000))
    assert again.resumed_at == 5
    assert (again.epochs, again.log) == (whole.epochs, whole.log)
