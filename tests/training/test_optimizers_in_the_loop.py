"""lorabuild.training.optimizers in a real training: cut short and gone on, text encoders that stop, what is saved."""

import pytest
import torch
from safetensors.torch import load
from tiny_training import Trained, settings

STEADY = {"type": "constant"}
KINDS = {
    "lion": {"optimizer": {"type": "lion", "lr": 0.003}},
    "adafactor": {"optimizer": {"type": "adafactor", "lr": 0.01}, "schedule": {"type": "rex", "warmup": 0.2}},
    "prodigy": {"optimizer": {"type": "prodigy", "d0": 1e-4}, "schedule": {"type": "annealed_cosine"}},
    "dadaptation": {"optimizer": {"type": "dadaptation"}},
    "adamw_schedule_free": {"optimizer": {"type": "adamw_schedule_free", "lr": 0.01}, "schedule": STEADY},
    "prodigy_plus_schedule_free": {
        "optimizer": {"type": "prodigy_plus_schedule_free", "d0": 1e-3},
        "schedule": STEADY,
        "text_encoder_lr": 0.5,
        "loraplus_ratio": 4,
    },
}


class Cut(BaseException):
    """The end of a training before its time."""


def cut_at(step):
    def cut(row):
        if row.step == step:
            raise Cut

    return cut


@pytest.mark.parametrize("name", KINDS)
def test_cut_short_it_ends_as_one_left_alone(tmp_path, name):
    training = settings(**KINDS[name], text_encoder_end=0.6)
    whole = Trained(tmp_path / "whole", training)
    for step in (5, 11):
        with pytest.raises(Cut):
            Trained(tmp_path / "cut", training, after=cut_at(step))
    again = Trained(tmp_path / "cut", training)
    assert again.resumed_at > 0
    assert (again.epochs, again.log) == (whole.epochs, whole.log)


@pytest.mark.parametrize("name", ["lion", "prodigy", "prodigy_plus_schedule_free"])
def test_behind_their_end_text_encoders_are_the_same_in_every_file(tmp_path, name):
    found = Trained(tmp_path / "a", settings(**KINDS[name], text_encoder_end=0.34))
    end = found.total * 34 // 100
    rates = [row.lr_text_encoder for row in found.state.rows]
    assert any(rates[:end])
    assert not any(rates[end:])
    first, *_, last = (load(data) for data in found.epochs[1:])
    same = {key: torch.equal(first[key], last[key]) for key in first if not key.endswith("alpha")}
    assert same == {key: "text_encoder" in key for key in same}
    assert {"text_encoder" in key for key in same} == {True, False}
