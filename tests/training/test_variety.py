"""Whole trainings with other losses, noise and timesteps: order changes nothing, a resumed one gives the same bytes."""

import contextlib

import pytest
from test_objective import EVERYTHING
from tiny_training import Trained, settings

KINDS = {
    "everything": {**EVERYTHING, "caption_dropout_every": 2},
    "smooth l1": {"loss": {"type": "smooth_l1", "schedule": "exponential"}, "soft_min_snr_gamma": 5},
    "sigmoid": {"loss": {"type": "l1"}, "timesteps": {"type": "sigmoid", "scale": 0.5}, "v_pred_like_loss": 0.5},
}


class Enough(Exception):  # noqa: N818 - not an error
    pass


def stop_at_third():
    """What ends a training at its third step, before that is saved."""
    rows = []

    def after(row):
        rows.append(row)
        if len(rows) == 3:
            raise Enough

    return after


@pytest.mark.parametrize("words", KINDS.values(), ids=KINDS)
def test_order_and_resume_change_no_byte(words, tmp_path):
    plain = Trained(tmp_path / "plain", settings(**words), epochs=2)
    assert {*plain.epochs} != {*Trained(tmp_path / "other", settings(), epochs=2).epochs}
    turned = Trained(tmp_path / "turned", settings(**words), epochs=2, records=lambda records: records[::-1])
    assert turned.epochs == plain.epochs
    for _ in range(2):
        with contextlib.suppress(Enough):
            Trained(tmp_path / "resumed", settings(**words, save_state_every=1), epochs=2, after=stop_at_third())
    resumed = Trained(tmp_path / "resumed", settings(**words), epochs=2)
    assert resumed.resumed_at == 4
    assert resumed.epochs == plain.epochs
