import numpy as np
import pytest
from PIL import Image
from small_onnx import answering

from lorabuild.core.errors import ProjectError
from lorabuild.images import onnx, person

PICTURE = Image.new("RGB", (128, 64), "#336699")  # shown as 64 x 32 between grey borders of 16


def test_the_newer_layout_gives_the_box_in_the_picture_s_pixels(tmp_path):
    answer = np.zeros((1, 5, 8))
    answer[0, :, 3] = (20, 32, 10, 20, 0.9)
    answer[0, :, 5] = (50, 32, 30, 30, 0.2)
    assert person.found(PICTURE, str(answering(tmp_path / "a.onnx", answer))) == (30, 12, 50, 52)


def test_the_older_layout_multiplies_both_scores(tmp_path):
    answer = np.zeros((1, 12, 6))
    answer[0, 0] = (20, 32, 10, 20, 0.9, 0.8)
    answer[0, 1] = (40, 32, 40, 20, 0.9, 0.1)
    assert person.found(PICTURE, str(answering(tmp_path / "a.onnx", answer))) == (30, 12, 50, 52)


def test_of_several_the_largest_counts_and_ends_with_the_picture(tmp_path):
    answer = np.zeros((1, 5, 8))
    answer[0, :, 0] = (20, 32, 10, 20, 0.9)
    answer[0, :, 1] = (50, 32, 40, 60, 0.5)
    assert person.found(PICTURE, str(answering(tmp_path / "a.onnx", answer))) == (60, 0, 128, 64)


def test_nobody(tmp_path):
    assert person.found(PICTURE, str(answering(tmp_path / "a.onnx", np.zeros((1, 5, 8))))) is None


def test_another_layout_is_named(tmp_path):
    with pytest.raises(ProjectError, match="gives"):
        person.found(PICTURE, str(answering(tmp_path / "a.onnx", np.zeros((1, 4)))))
    (tmp_path / "b.onnx").write_bytes(b"no model")
    with pytest.raises(ProjectError, match="can't be opened"):
        person.found(PICTURE, str(tmp_path / "b.onnx"))


def test_a_model_for_other_pictures_is_named(tmp_path):
    from onnx import TensorProto, helper
    from onnx import save as write

    flat = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3])
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 3])
    graph = helper.make_graph([helper.make_node("Identity", ["images"], ["out"])], "flat", [flat], [out])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    write(model, str(tmp_path / "c.onnx"))
    with pytest.raises(ProjectError, match="square pictures"):
        onnx.side_of(str(tmp_path / "c.onnx"), 64)
