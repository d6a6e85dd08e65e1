import pytest
import torch

from lorabuild.core.errors import StageError
from lorabuild.schema.training import Training
from lorabuild.training.device import dtype, open_device

CPU = torch.device("cpu")


def test_one_training_does_not_colour_the_next():
    first = open_device(CPU, "bf16")
    assert first.mixed_precision == "bf16"
    second = open_device(CPU, "fp32")
    assert (second.mixed_precision, second.device.type, second.gradient_accumulation_steps) == ("no", "cpu", 1)


@pytest.mark.parametrize(("precision", "expected"), [("bf16", torch.bfloat16), ("fp32", torch.float32)])
def test_arithmetic(precision, expected):
    layer, device = torch.nn.Linear(2, 2), open_device(CPU, precision)
    with device.autocast():
        assert layer(torch.ones(1, 2)).dtype == expected
    assert dtype(Training(precision=precision)) == expected


def test_missing_bf16_is_said(monkeypatch):
    def refuse(**_kinds):
        raise ValueError("bf16 mixed precision requires a supported device.")

    monkeypatch.setattr("lorabuild.training.device.Accelerator", refuse)
    with pytest.raises(StageError, match="no bf16 arithmetic") as caught:
        open_device(CPU, "bf16")
    assert "fp32" in caught.value.next_step
