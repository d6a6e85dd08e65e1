import pytest
import torch
from safetensors.torch import load
from tiny_training import TinyAdapter, TinyModel, Trained, settings
from torch.amp import GradScaler

from lorabuild.training import loop, moving
from lorabuild.training.moving import Moving


def test_only_fp16_scales_its_losses():
    assert moving.scaler(settings(precision="bf16"), torch.device("cpu")) is None
    made = moving.scaler(settings(precision="fp16"), torch.device("cpu"))
    assert made.is_enabled()


@pytest.fixture
def scaled(monkeypatch):
    """Scaled losses on the CPU, which fp16 itself doesn't train on."""
    monkeypatch.setattr(
        loop, "scaler", lambda _training, _device: GradScaler("cpu", init_scale=2.0**8, growth_interval=4)
    )


def test_scaled_losses_give_the_same_and_are_resumed_bit_by_bit(tmp_path, scaled):
    class Enough(Exception):  # noqa: N818 - not an error
        pass

    def after(row):
        if row.step == 6:
            raise Enough

    whole = Trained(tmp_path / "whole", epochs=2)
    with pytest.raises(Enough):
        Trained(tmp_path / "cut", epochs=2, after=after)
    again = Trained(tmp_path / "cut", epochs=2)
    assert again.resumed_at == 3
    assert (again.epochs, again.log) == (whole.epochs, whole.log)
    assert again.state.whole() == whole.state.whole()


def test_scaling_by_powers_of_two_changes_nothing(tmp_path, monkeypatch):
    plain = Trained(tmp_path / "plain", epochs=1)
    monkeypatch.setattr(loop, "scaler", lambda _training, _device: GradScaler("cpu", init_scale=2.0**8))
    for name, tensor in load(Trained(tmp_path / "scaled", epochs=1).epochs[0]).items():
        torch.testing.assert_close(tensor, load(plain.epochs[0])[name], rtol=1e-5, atol=1e-7)


def test_at_rest_there_is_no_chance():
    made = Moving(settings(), TinyAdapter(TinyModel()))
    made.adapter.begin((1, 2))
    with made.resting():
        assert made.adapter.seeds is None
