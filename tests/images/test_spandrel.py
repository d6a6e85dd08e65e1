"""Spandrel's own models, tiny and untrained, where it is installed with the torchvision that matches torch."""

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from lorabuild.core.errors import ProjectError
from lorabuild.images import restoring

pytest.importorskip("spandrel", exc_type=ImportError, reason="spandrel needs torchvision")


@pytest.fixture(scope="module", params=[1, 2, 4])
def scale(request):
    return request.param


@pytest.fixture(scope="module", params=[".safetensors", ".pth"])
def model(request, scale, tmp_path_factory):
    from spandrel.architectures.ESRGAN import ESRGAN

    torch.manual_seed(scale)
    state = {
        name: held.contiguous() for name, held in ESRGAN(num_filters=8, num_blocks=1, scale=scale).state_dict().items()
    }
    path = tmp_path_factory.mktemp("esrgan") / f"{scale}x{request.param}"
    (save_file if request.param == ".safetensors" else torch.save)(state, path)
    return str(path)


def test_an_esrgan_gives_by_tiles_what_it_gives_of_the_whole(model, scale):
    image = Image.effect_noise((restoring.TILE + 80, 60), 40).convert("RGB")
    size = image.width * scale, image.height * scale
    made = restoring.enlarged(image, model, size) if scale > 1 else restoring.restored(image, model)
    with torch.inference_mode():
        whole = restoring._pixels(restoring._opened(model)(restoring._tensor(image)))
    assert made.size == size
    assert np.array_equal(np.asarray(made), whole)


def test_each_is_refused_where_the_other_belongs(model, scale):
    with pytest.raises(ProjectError, match="does not enlarge" if scale == 1 else f"enlarges pictures {scale} times"):
        restoring.restored(Image.new("RGB", (8, 8)), model) if scale > 1 else restoring.enlarged(
            Image.new("RGB", (8, 8)), model, (16, 16)
        )


def test_a_lama_fills_the_hole_and_nothing_else(tmp_path):
    from spandrel.architectures.LaMa import LaMa

    torch.manual_seed(0)
    path = tmp_path / "lama.safetensors"
    save_file({name: held.clone() for name, held in LaMa(in_nc=4, out_nc=3).state_dict().items()}, path)
    image, hole = Image.new("RGB", (100, 76), "#80c0ff"), Image.new("L", (100, 76))
    hole.paste(255, (30, 30, 60, 50))
    before, after = np.asarray(image), np.asarray(restoring.inpainted(image, hole, str(path)))
    inside = np.asarray(hole) > 0
    assert np.array_equal(after[~inside], before[~inside])
    assert (after[inside] != before[inside]).any()
