"""An ONNX graph in an order, and with names, that hang on nothing but what it computes."""

from typing import Any


def put_in_order(graph: Any) -> None:
    """Orders and names nodes and constants by the graph's structure; the converter does by chance.

    Args:
        graph: onnx.GraphProto; inputs and outputs keep their names.
    """
    nodes = in_order(graph)
    constants = {tensor.name: tensor for tensor in graph.initializer}
    names = {tensor.name: tensor.name for tensor in (*graph.input, *graph.output)} | {"": ""}
    used = []
    for number, node in enumerate(nodes):
        node.name = f"{node.op_type}_{number}"
        for tensors in (node.input, node.output):
            for place, name in enumerate(tensors):
                if name not in names:
                    names[name] = f"tensor_{len(names)}"
                    used += [constants[name]] if name in constants else []
                tensors[place] = names[name]
    for tensor in used:
        tensor.name = names[tensor.name]
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    graph.node.extend(nodes)
    graph.initializer.extend(used)


def in_order(graph: Any) -> list[Any]:
    """Returns copies of the nodes, each behind those that it takes from, depth first."""
    makers = {name: node for node in graph.node for name in node.output}
    ordered: dict[str, Any] = {}
    waiting = [tensor.name for tensor in reversed(graph.output)]
    while waiting:
        node = makers[waiting[-1]]
        before = [name for name in node.input if name in makers]
        lacking = [name for name in before if makers[name].output[0] not in ordered]
        if lacking:
            waiting.append(lacking[0])
        else:
            ordered[node.output[0]] = type(node).FromString(node.SerializeToString())
            waiting.pop()
    return list(ordered.values())
