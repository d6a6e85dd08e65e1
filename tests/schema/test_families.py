"""lorabuild.schema.families: what the programs around us call a family."""

import subprocess
import sys
from typing import get_args

from lorabuild.schema.base import Base
from lorabuild.schema.families import FACTS


def test_every_family_has_its_facts():
    assert set(FACTS) == set(get_args(Base.model_fields["family"].annotation))


def test_a_plan_may_read_them():
    code = "import sys, lorabuild.schema.families; print('pydantic' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert told.stdout.strip() == "False"
