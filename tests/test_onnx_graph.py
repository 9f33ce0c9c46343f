import itertools

import numpy as np
import pytest

from stages import onnx_graph

onnx = pytest.importorskip("onnx")


def model(order, names="abcdef"):
    """Returns (x + 1) * (x + 2), its nodes, constants and inner names as they are asked for."""
    one, two, left, right, *_ = names
    nodes = [
        onnx.helper.make_node("Add", ["x", one], [left], name=f"n_{left}"),
        onnx.helper.make_node("Add", ["x", two], [right], name=f"n_{right}"),
    ]
    constants = [onnx.numpy_helper.from_array(np.float32([n]), f) for n, f in ((1, one), (2, two))]
    last = onnx.helper.make_node("Mul", [left, right], ["y"], name="last")
    shown = [onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, [3]) for n in "xy"]
    graph = onnx.helper.make_graph(
        [*(nodes[n] for n in order), last],
        "graph",
        shown[:1],
        shown[1:],
        [constants[n] for n in order],
    )
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)])


def test_chance_in_order_and_names_is_gone():
    found = set()
    for order, names in itertools.product([(0, 1), (1, 0)], ["abcdef", "fedcba", "cafebd"]):
        one = model(order, names)
        onnx_graph.put_in_order(one.graph)
        onnx.checker.check_model(one)
        found.add(one.SerializeToString())
    assert len(found) == 1


def test_what_it_computes_stays():
    onnxruntime = pytest.importorskip("onnxruntime")
    one = model((1, 0))
    onnx_graph.put_in_order(one.graph)
    run = onnxruntime.InferenceSession(one.SerializeToString())
    x = np.float32([0, 1, -4])
    assert run.run(None, {"x": x})[0].tolist() == ((x + 1) * (x + 2)).tolist()


def test_nodes_that_lead_nowhere_are_left_out():
    one = model((0, 1))
    one.graph.node.append(onnx.helper.make_node("Abs", ["x"], ["nowhere"]))
    onnx_graph.put_in_order(one.graph)
    assert [node.name for node in one.graph.node] == ["Add_0", "Add_1", "Mul_2"]
