import json
import sys
from pathlib import Path

import pytest

from lorabuild.publish import facts
from lorabuild.schema.project import Project

sys.path[:0] = [str(Path(__file__).parent)]  # filled.py
DATA = Path(__file__).parents[1] / "data"


@pytest.fixture
def build():
    return json.loads((DATA / "finished_build.json").read_text("utf-8"))


@pytest.fixture
def project(build):
    return Project.model_validate(build["project"])


@pytest.fixture
def reads(build):
    return build["reads"]


@pytest.fixture
def run(reads):
    return facts.run_of(reads)


@pytest.fixture(scope="session")
def standard():
    """What the standard trainer wrote."""
    return json.loads((DATA / "standard_metadata.json").read_text("utf-8"))
