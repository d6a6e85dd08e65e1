"""lorabuild.models.features: each picture is seen by itself, by the base and by CLIP."""

import pytest
import tiny_sd15
import torch
from fake_gpu import CPU, elsewhere
from sites import site
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from lorabuild.core.errors import ProjectError
from lorabuild.models import family, source
from lorabuild.models.features import BaseEye, ClipEye

IMAGES = torch.randint(0, 256, (5, 32, 32, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    where = site(tmp_path_factory.mktemp("base"), tiny_sd15.make(tmp_path_factory.mktemp("sd15")))
    return BaseEye(family.load(source.locate(where), where.project.base, family.PARTS, CPU, torch.float32))


@pytest.fixture(scope="module")
def tower(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clip")
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = CLIPVisionConfig(**sizes, image_size=16, patch_size=8, projection_dim=8)
    CLIPVisionModelWithProjection(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def clip(tower):
    return ClipEye(tower, CPU)


@pytest.mark.parametrize("name", ["base", "clip"])
def test_a_row_is_of_one_picture_alone(name, request):
    eye = request.getfixturevalue(name)
    seen = eye.see(IMAGES)
    assert seen.shape[0] == len(IMAGES)
    assert seen.dtype == torch.float32
    assert torch.equal(eye.see(IMAGES.flip(0)), seen.flip(0))
    assert torch.equal(eye.see(IMAGES[2:3]), seen[2:3])
    assert len({row.numpy().tobytes() for row in seen}) == len(IMAGES)


def test_clip_s_rows_have_length_1(clip):
    assert torch.allclose(clip.see(IMAGES).norm(dim=1), torch.ones(len(IMAGES)))


def test_a_folder_without_clip_is_said(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ProjectError, match="the judge can't be opened") as caught:
        ClipEye(tmp_path, CPU)
    assert caught.value.where == "judge.model"


def test_clip_sees_the_same_on_a_gpu(tower, clip, monkeypatch):
    with elsewhere(monkeypatch) as device:
        torch.testing.assert_close(ClipEye(tower, device, 5).see(IMAGES), clip.see(IMAGES))
