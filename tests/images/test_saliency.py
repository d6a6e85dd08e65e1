import numpy as np
import pytest
from PIL import Image
from small_onnx import answering, brightness

from lorabuild.core.errors import StageError
from lorabuild.images import saliency


def test_the_answer_is_stretched_and_scaled_to_the_picture(tmp_path):
    image = Image.new("RGB", (96, 48), "#303030")
    image.paste("#d0d0d0", (48, 0, 96, 48))
    mask = saliency.mask(image, str(brightness(tmp_path / "u2net.onnx")))
    assert (mask.mode, mask.size) == ("L", (96, 48))
    found = np.asarray(mask)
    assert found[:, :40].max() < 30
    assert found[:, 56:].min() > 225


def test_the_picture_is_shown_as_the_family_wants_it(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(saliency.onnx, "answer", lambda _, pixels: seen.append(pixels) or pixels[:, :1])
    white = Image.new("RGB", (20, 20), "#808080")
    saliency.mask(white, str(brightness(tmp_path / "u2net.onnx")))
    expected = [(1 - mean) / spread for mean, spread in zip(saliency.MEANS, saliency.SPREADS, strict=True)]
    assert seen[0][0, :, 0, 0] == pytest.approx(expected, rel=1e-5)
    saliency.mask(white, str(brightness(tmp_path / "isnet-anime.onnx", 1024)))
    assert seen[1][0, :, 0, 0] == pytest.approx([1 - mean for mean in saliency.MEANS], rel=1e-5)
    saliency.mask(white, str(brightness(tmp_path / "isnet-general-use.onnx", 1024)))
    assert seen[2][0, :, 0, 0] == pytest.approx([0.5] * 3, rel=1e-5)


def test_an_even_answer_is_black_and_no_mask_is_an_error(tmp_path):
    image = Image.new("RGB", (40, 40), "#808080")
    assert saliency.mask(image, str(brightness(tmp_path / "a.onnx"))).getextrema() == (0, 0)
    with pytest.raises(StageError, match="no mask"):
        saliency.mask(image, str(answering(tmp_path / "b.onnx", np.zeros((1, 5, 8)))))
