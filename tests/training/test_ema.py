import pytest
import torch
from safetensors.torch import load
from tiny_training import Trained, settings

from lorabuild.schema.run import EMA
from lorabuild.training.ema import Average


def test_the_average_follows_by_its_decay_and_quickly_at_the_start():
    parameter = torch.nn.Parameter(torch.zeros(3))
    average, expected = Average(EMA(decay=0.4), [parameter]), 0.0
    for step in range(12):
        parameter.data += 1.0
        average.update(step)
        decay = min(0.4, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * (step + 1)
    assert average.values[0].tolist() == pytest.approx([expected] * 3)


def test_it_is_shown_and_taken_away_bit_by_bit():
    parameter = torch.nn.Parameter(torch.tensor([0.1, float("inf"), -0.0]))
    average = Average(EMA(), [parameter])
    average.values[0] += 1
    before = parameter.detach().clone()
    with average.shown():
        assert torch.equal(parameter, average.values[0])
    assert torch.equal(parameter.view(torch.int32), before.view(torch.int32))


def test_epoch_files_hold_the_average_of_the_steps(tmp_path):
    words = {"optimizer": {"type": "sgd", "lr": 0.1, "momentum": 0}, "max_grad_norm": 0, "precision": "fp32"}
    seen = []
    plain = Trained(tmp_path / "plain", settings(**words), epochs=1)
    calm = Trained(tmp_path / "calm", settings(ema={"decay": 0.9}, **words), epochs=1)
    assert calm.log == plain.log  # the average changes nothing of the training
    assert calm.epochs != plain.epochs
    seen = [load(one.epochs[-1])["lora_unet_conv_in.lora_up.weight"] for one in (plain, calm)]
    assert 0 < seen[1].norm() < seen[0].norm()  # it lags behind
