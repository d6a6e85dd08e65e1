import json
from pathlib import Path

import torch

from lorabuild.training.losses import LOSSES, l2, per_sample

KNOWN = json.loads((Path(__file__).parents[1] / "data" / "losses.json").read_text())["l2"]


def test_l2_equals_the_standard_trainer():
    prediction, target = torch.tensor(KNOWN["prediction"]), torch.tensor(KNOWN["target"])
    torch.testing.assert_close(l2(prediction, target), torch.tensor(KNOWN["loss"]), rtol=0, atol=1e-6)


def test_per_sample_is_the_mean_of_each():
    prediction, target = torch.tensor(KNOWN["prediction"]), torch.tensor(KNOWN["target"])
    expected = torch.tensor(KNOWN["loss"]).flatten(1).mean(1)
    torch.testing.assert_close(per_sample("l2", prediction, target), expected, rtol=0, atol=1e-6)


def test_zero_at_equality_finite_gradient_and_float32():
    for name in LOSSES:
        prediction = torch.randn(2, 4, 3, 3, dtype=torch.bfloat16, requires_grad=True)
        assert per_sample(name, prediction, prediction.detach()).tolist() == [0, 0]
        found = per_sample(name, prediction, torch.zeros(2, 4, 3, 3))
        assert found.dtype == torch.float32
        found.sum().backward()
        assert prediction.grad.isfinite().all()
