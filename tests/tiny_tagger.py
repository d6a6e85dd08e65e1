"""Makes tiny taggers in WD14 layout, for the tests of taggers and stages."""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ROWS = (
    ("general", 9),
    ("1creature", 0),
    ("blue", 0),
    ("green", 0),
    ("red", 0),
    ("zorbl", 4),
    ("faint", 0),
    ("oddity", 7),
)
SHARPNESS = 12.0


def make(folder: Path, *, side: int = 16, batch: int | str = "batch", rows=ROWS, layout="NHWC", bias=None) -> Path:
    """A folder with ``model.onnx`` and ``selected_tags.csv``, whose scores can be worked out by hand.

    ``blue``, ``green``, ``red`` are high where that channel's mean is above the middle (the model is fed BGR),
    ``general`` is 0.5, ``faint`` 0.01.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "selected_tags.csv").write_text(
        "tag_id,name,category,count\n" + "".join(f"{i},{name},{kind},1\n" for i, (name, kind) in enumerate(rows)),
        "utf-8",
    )
    onnx.save(_model(side, batch, len(rows), layout, bias), folder / "model.onnx")
    return folder


def _model(side, batch, width, layout, bias):
    weights = np.zeros((3, width), np.float32)
    for channel, row in enumerate(range(2, min(5, width))):
        weights[channel, row] = SHARPNESS / 255
    offsets = np.zeros(width, np.float32)
    known = np.array([0, 3, *[-SHARPNESS / 2] * 3, 2, -4.6, 1], np.float32)
    offsets[: len(known)] = known[:width]
    if bias is not None:
        offsets += np.float32(bias)
    shape, axes = ([batch, side, side, 3], [1, 2]) if layout == "NHWC" else ([batch, 3, side, side], [2, 3])
    nodes = [
        helper.make_node("ReduceMean", ["input"], ["mean"], axes=axes, keepdims=0),
        helper.make_node("MatMul", ["mean", "weights"], ["product"]),
        helper.make_node("Add", ["product", "offsets"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [batch, width])],
        [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(offsets, "offsets")],
    )
    return helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])


def convolutional(folder: Path, *, side: int = 32, tags: int = 40, batch: int | str = "batch") -> Path:
    """A tagger with a convolution, a wide matrix product and random weights: its last bits could depend on a batch."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(5)
    (folder / "selected_tags.csv").write_text(
        "tag_id,name,category,count\n" + "".join(f"{i},tag_{i},0,1\n" for i in range(tags)), "utf-8"
    )
    first = (rng.normal(size=(64, 3, 8, 8)) / 400).astype(np.float32)
    second = (rng.normal(size=(64 * (side // 8) ** 2, tags)) / 8).astype(np.float32)
    nodes = [
        helper.make_node("Transpose", ["input"], ["nchw"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["nchw", "first"], ["maps"], strides=[8, 8]),
        helper.make_node("Tanh", ["maps"], ["bent"]),
        helper.make_node("Flatten", ["bent"], ["flat"]),
        helper.make_node("MatMul", ["flat", "second"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes,
        "convolutional",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [batch, side, side, 3])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [batch, tags])],
        [numpy_helper.from_array(first, "first"), numpy_helper.from_array(second, "second")],
    )
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
    onnx.save(model, folder / "model.onnx")
    return folder


MAPPED = ("general", "1creature", "blue", "green", "red", "zorbl", "faint", "oddity")
KINDS = ("Rating", "General", "General", "General", "General", "Character", "General", "Copyright")


def mapped(folder: Path, kind: str, *, side: int = 16, span: float = 2.0) -> Path:
    """A folder in the layout of ``cl_tagger``, ``camie`` or ``camie_first``: logits, channels first, a JSON table.

    The logit of a colour is ``SHARPNESS / span`` times its channel's mean; the rest are those of ``make``.
    The Camie ones have an answer before the refined one, in which nothing is seen.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = {
        "cl_tagger": ("model_optimized.onnx", "tag_mapping.json"),
        "camie": ("camie-tagger-v2.onnx", "camie-tagger-v2-metadata.json"),
        "camie_first": ("model_initial.onnx", "model_initial_metadata.json"),
    }[kind]
    order = (2, 3, 4) if kind == "cl_tagger" else (4, 3, 2)  # blue comes first, or red
    weights = np.zeros((3, len(MAPPED)), np.float32)
    weights[range(3), order] = SHARPNESS / span
    offsets = np.array([0, 3, 0, 0, 0, 2, -4.6, 1], np.float32)
    nodes = [
        helper.make_node("ReduceMean", ["input"], ["mean"], axes=[2, 3], keepdims=0),
        helper.make_node("MatMul", ["mean", "weights"], ["product"]),
        helper.make_node("Add", ["product", "offsets"], ["refined"]),
        helper.make_node("Sub", ["product", "lowered"], ["initial"]),
    ]
    outputs = ["refined"] if kind == "cl_tagger" else ["initial", "refined"]
    graph = helper.make_graph(
        nodes,
        "mapped",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 3, side, side])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", len(MAPPED)]) for name in outputs],
        [
            numpy_helper.from_array(weights, "weights"),
            numpy_helper.from_array(offsets, "offsets"),
            numpy_helper.from_array(np.full(len(MAPPED), 20, np.float32), "lowered"),
        ],
    )
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)]), folder / names[0])
    pairs = dict(zip(MAPPED, KINDS, strict=True))
    table = {
        "idx_to_tag": {str(place): tag for place, tag in enumerate(MAPPED)},
        "tag_to_category": {tag: category.lower() for tag, category in pairs.items()},
    }
    if kind == "cl_tagger":
        table = {str(place): {"tag": tag, "category": pairs[tag]} for place, tag in enumerate(MAPPED)}
    if kind == "camie":
        table = {"model_info": {"img_size": side}, "dataset_info": {"tag_mapping": table}}
    (folder / names[1]).write_text(json.dumps(table), "utf-8")
    return folder
