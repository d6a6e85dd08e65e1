import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent)]  # light.py

import light  # noqa: E402 – found beside this file


@pytest.fixture
def project(tmp_path):
    """Two concepts, side-file tags, one twin, one caption by hand – as ``light.make`` says. Nothing is built yet."""
    return light.make(tmp_path / "project")
