import signal
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "graph")]  # events.py; light.py of the graph

import light  # noqa: E402 – found in the graph's tests


@pytest.fixture(autouse=True)
def _signals():
    """A command line takes SIGTERM; the next test finds it as it was."""
    handler = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture
def project(tmp_path):
    """The light project of the graph's tests."""
    return light.make(tmp_path / "project")
