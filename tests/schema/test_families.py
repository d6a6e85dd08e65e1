"""lorabuild.schema.families: what the programs around us call a family."""

import subprocess
import sys
from typing import get_args

import pytest

from lorabuild.schema.base import Base
from lorabuild.schema.families import FACTS


def test_every_family_has_its_facts():
    assert set(FACTS) == set(get_args(Base.model_fields["family"].annotation))


def test_a_plan_may_read_them():
    code = "import sys, lorabuild.schema.families; print('pydantic' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert told.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("family", "epsilon", "v_prediction"),
    [("sd15", "sd_v1", "sd_v1_v"), ("sd2", "sd_v2", "sd_v2_v"), ("sdxl", "sdxl_base_v1-0", "sdxl_base_v1-0")],
)
def test_base_versions_are_those_of_the_standard_trainer(family, epsilon, v_prediction):
    """Of SD1 and SD2 it is sd_v1 or sd_v2, and _v behind it; of SDXL a constant (model_util.py, sdxl_model_util.py)."""
    assert (FACTS[family].epsilon, FACTS[family].v_prediction) == (epsilon, v_prediction)
