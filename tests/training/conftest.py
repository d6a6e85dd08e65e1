import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))  # tiny_training.py also runs as a program of its own


@pytest.fixture(scope="package", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    """A Stable Diffusion 1.5 in miniature; nobody writes there."""
    import tiny_sd15

    return tiny_sd15.make(tmp_path_factory.mktemp("base") / "tiny")
