import json
from pathlib import Path

import pytest
import torch

from lorabuild.training.weighting import all_snr, debiased_estimation, min_snr_gamma, table

KNOWN = json.loads((Path(__file__).parents[1] / "data" / "losses.json").read_text())
FORMS = {"epsilon": "epsilon", "v": "v_prediction"}


def close(found, name):
    torch.testing.assert_close(found, torch.tensor(KNOWN[name]), rtol=1e-6, atol=1e-6)


@pytest.fixture
def snr():
    return all_snr(torch.tensor(KNOWN["alphas_cumprod"]))


def test_snr(snr):
    torch.testing.assert_close(snr, torch.tensor(KNOWN["all_snr"]), rtol=2e-4, atol=1e-6)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("gamma", [1, 5, 20])
def test_min_snr_gamma(gamma, form):
    close(min_snr_gamma(torch.tensor(KNOWN["all_snr"]), gamma, FORMS[form]), f"min_snr_gamma{gamma}_{form}")


@pytest.mark.parametrize("form", FORMS)
def test_debiased_estimation(form):
    close(debiased_estimation(torch.tensor(KNOWN["all_snr"]), FORMS[form]), f"debiased_{form}")


def test_no_signal_left():
    snr = all_snr(torch.tensor([0.5, 0.0]))
    assert min_snr_gamma(snr, 5, "epsilon").tolist() == [1.0, 1.0]
    assert min_snr_gamma(snr, 5, "v_prediction").tolist() == [0.5, 0.0]


def test_table_is_the_product(snr):
    assert table(snr, None, False, "epsilon").tolist() == [1.0] * len(snr)
    both = table(snr, 5, True, "epsilon")
    assert torch.equal(both, min_snr_gamma(snr, 5, "epsilon") * debiased_estimation(snr, "epsilon"))
