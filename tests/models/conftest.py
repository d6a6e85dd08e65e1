import sys
from pathlib import Path

import pytest
import torch

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]  # tiny_sd15.py and sites.py serve several rooms' tests


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """Family → its miniature; nobody writes there."""
    from original import CLASSES, miniature

    made = tmp_path_factory.mktemp("base")
    return {family: miniature(family, made / family / "tiny") for family in CLASSES}


@pytest.fixture(scope="session")
def tiny(folders):
    return folders["sd15"]


@pytest.fixture(scope="session")
def tiny_sd2(folders):
    return folders["sd2"]


@pytest.fixture(scope="session")
def tiny_sdxl(folders):
    return folders["sdxl"]
