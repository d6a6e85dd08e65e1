import builtins

import pytest

from lorabuild.core.errors import ProjectError
from lorabuild.schema.device import Device
from lorabuild.taggers import session

CSV = session.Layout("selected_tags.csv", None)
JSON = session.Layout("tag_mapping.json", None, 512, logits=True, refined=True, spare=True)


class Output:
    def __init__(self, name, shape):
        self.name, self.shape = name, shape


def test_an_open_side_is_that_of_the_family():
    assert session._shape(["batch", "height", "width", 3], 448) == (0, False, 448)
    assert session._shape(["batch", 3, "height", "width"], 512) == (0, True, 512)
    assert session._shape([4, 3, 96, 96], 448) == (4, True, 96)


@pytest.mark.parametrize("shape", [["n", 10], ["n", 16, 16, 4], ["n", 16, 24, 3], []])
def test_a_model_for_something_else_is_refused(shape):
    with pytest.raises(ProjectError, match="takes"):
        session._shape(shape, 448)


def test_a_second_output_is_no_trouble():
    outputs = [Output("embeddings", ["n", 64]), Output("scores", ["n", 8])]
    assert session._output(outputs, 8, CSV) == "scores"
    assert session._output([Output("scores", ["n", "width"])], 8, CSV) == "scores"


def test_of_two_answers_the_refined_one_is_taken_where_the_layout_has_one():
    outputs = [Output("initial", ["n", 8]), Output("refined", ["n", 8]), Output("candidates", ["n", 8])]
    assert session._output(outputs, 8, JSON) == "refined"
    assert session._output(outputs, 8, CSV) == "initial"
    assert session._output(outputs[:1], 8, JSON) == "initial"


def test_a_wider_answer_fits_where_the_table_may_leave_columns_unnamed():
    assert session._output([Output("scores", ["n", 9])], 8, JSON) == "scores"
    with pytest.raises(ProjectError, match=r"scores 9 tags, but selected_tags\.csv has 8 rows"):
        session._output([Output("scores", ["n", 9])], 8, CSV)
    with pytest.raises(ProjectError, match=r"scores 7 tags, but tag_mapping\.json has 8 rows"):
        session._output([Output("scores", ["n", 7])], 8, JSON)


def test_a_missing_runtime_is_said_clearly(tmp_path, monkeypatch):
    found = builtins.__import__

    def without(name, *rest):
        if name == "onnxruntime":
            raise ModuleNotFoundError("No module named 'onnxruntime'", name="onnxruntime")
        return found(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ProjectError, match="needs the Python package 'onnxruntime'") as caught:
        session.load(tmp_path / "model.onnx", [("hat", "general")], CSV, Device(type="cpu"), 1)
    assert caught.value.next_step == "pip install onnxruntime"
