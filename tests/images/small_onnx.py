"""Small ONNX models that the tests make: constant answers, and the brightness of what is shown."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def save(path, nodes, side, out, *constants):
    inputs = [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, side, side])]
    outputs = [helper.make_tensor_value_info("out", TensorProto.FLOAT, out)]
    graph = helper.make_graph(nodes, "small", inputs, outputs, list(constants))
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))
    return path


def answering(path, answer, side=64):
    """A model that answers the same to everything."""
    answer = np.asarray(answer, np.float32)
    held = numpy_helper.from_array(answer, "held")
    nothing = numpy_helper.from_array(np.zeros((), np.float32), "nothing")
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "nothing"], ["none"]),
        helper.make_node("Add", ["held", "none"], ["out"]),
    ]
    return save(path, nodes, side, list(answer.shape), held, nothing)


def brightness(path, side=32):
    """A model whose mask is as bright as the picture."""
    nodes = [helper.make_node("ReduceMean", ["images"], ["out"], axes=[1], keepdims=1)]
    return save(path, nodes, side, [1, 1, side, side])
