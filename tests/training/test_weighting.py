import json
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from tiny_training import settings

from lorabuild.core.errors import ProjectError
from lorabuild.training.weighting import (
    all_snr,
    debiased_estimation,
    like_epsilon,
    min_snr_gamma,
    p2,
    soft_min_snr_gamma,
    table,
)

KNOWN = json.loads((Path(__file__).parents[1] / "data" / "losses.json").read_text("utf-8"))
FORMS = {"epsilon": "epsilon", "v": "v_prediction"}
SNR = torch.tensor(KNOWN["all_snr"])
NUMBERS = some.floats(1e-3, 1e3)


def close(found, name):
    torch.testing.assert_close(found, torch.tensor(KNOWN[name]), rtol=1e-6, atol=1e-6)


@pytest.fixture
def snr():
    return all_snr(torch.tensor(KNOWN["alphas_cumprod"]))


def test_snr(snr):
    torch.testing.assert_close(snr, SNR, rtol=2e-4, atol=1e-6)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("gamma", [1, 5, 20])
def test_min_snr_gamma(gamma, form):
    close(min_snr_gamma(SNR, gamma, FORMS[form]), f"min_snr_gamma{gamma}_{form}")


@pytest.mark.parametrize("form", FORMS)
def test_debiased_estimation(form):
    close(debiased_estimation(SNR, FORMS[form]), f"debiased_{form}")


def test_scaled_v_prediction_loss():
    close(like_epsilon(SNR), "scale_v_pred_loss_like_noise_pred")
    close(table(SNR, settings(scale_v_pred_loss=True), "v_prediction"), "scale_v_pred_loss_like_noise_pred")


def test_loss_like_a_v_prediction():
    close(table(SNR, settings(v_pred_like_loss=0.5), "epsilon"), "v_pred_like_loss_0.5")


@given(NUMBERS, NUMBERS)
def test_soft_min_snr_is_half_the_harmonic_mean(snr, gamma):
    """1 / (σ² + 1/gamma) for the clean image; the loss of the noise is SNR times that of the image."""
    image = 1 / (1 / snr + 1 / gamma)
    found = soft_min_snr_gamma(torch.tensor(snr), gamma, "epsilon").item()
    assert found * snr == pytest.approx(image, rel=1e-5)
    assert min(snr, gamma) / 2 <= image * (1 + 1e-6) <= min(snr, gamma) * (1 + 2e-6)
    v = soft_min_snr_gamma(torch.tensor(snr), gamma, "v_prediction").item()
    assert v * (snr + 1) == pytest.approx(image, rel=1e-5)


def test_p2():
    found = p2(torch.tensor([0.0, 1.0, 3.0]), 0.5, 1.0, "epsilon")
    assert found.tolist() == pytest.approx([1, 2**-0.5, 0.5])
    assert p2(torch.tensor([1.0]), 1.0, 3.0, "epsilon").tolist() == [0.25]
    assert p2(torch.tensor([1.0]), 1.0, 3.0, "v_prediction").tolist() == [0.125]


@pytest.mark.parametrize("weigh", [min_snr_gamma, soft_min_snr_gamma, lambda *given: p2(*given[:2], 1.0, given[2])])
def test_v_prediction_weighs_like_epsilon(weigh):
    """The loss of v is (SNR + 1) / SNR that of the noise; the emphasis of a timestep stays the same."""
    known = weigh(SNR, 5.0, "epsilon") * SNR / (SNR + 1)
    torch.testing.assert_close(weigh(SNR, 5.0, "v_prediction"), known)


def test_no_signal_left():
    snr = all_snr(torch.tensor([0.5, 0.0]))
    assert min_snr_gamma(snr, 5, "epsilon").tolist() == [1.0, 1.0]
    assert min_snr_gamma(snr, 5, "v_prediction").tolist() == [0.5, 0.0]
    assert soft_min_snr_gamma(snr, 1, "epsilon").tolist() == [0.5, 1.0]
    assert soft_min_snr_gamma(snr, 1, "v_prediction").tolist() == [0.25, 0.0]


def test_table_is_the_product(snr):
    assert table(snr, settings(), "epsilon").tolist() == [1.0] * len(snr)
    both = table(snr, settings(min_snr_gamma=5, debiased_estimation=True), "epsilon")
    assert torch.equal(both, min_snr_gamma(snr, 5, "epsilon") * debiased_estimation(snr, "epsilon"))
    soft = table(snr, settings(soft_min_snr_gamma=5, p2_gamma=0.5, p2_k=2), "v_prediction")
    parts = soft_min_snr_gamma(snr, 5, "v_prediction"), p2(snr, 0.5, 2, "v_prediction")
    assert torch.equal(soft, parts[0] * parts[1])


@pytest.mark.parametrize(
    ("words", "prediction"),
    [({"scale_v_pred_loss": True}, "epsilon"), ({"v_pred_like_loss": 0.5}, "v_prediction")],
)
def test_weights_for_other_models_are_refused(words, prediction):
    with pytest.raises(ProjectError, match="is for models that predict") as caught:
        table(SNR, settings(**words), prediction)
    assert caught.value.where == f"training.{next(iter(words))}"
