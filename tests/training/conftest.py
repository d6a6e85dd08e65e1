import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))  # tiny_training.py also runs as a program of its own

SHALLOW = {
    "block_out_channels": (8, 16),
    "layers_per_block": 1,
    "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
}


@pytest.fixture(scope="package", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    """A Stable Diffusion 1.5 in miniature, and shallow; nobody writes there."""
    import tiny_sd15

    return tiny_sd15.make(tmp_path_factory.mktemp("base") / "tiny", layers=1, unet={**tiny_sd15.UNET, **SHALLOW})
