"""OpenVINO: the pipeline's own network, with the head and the resizing."""

from pathlib import Path

from classifier.inference import openvino_engine
from stages.export.models import ExportFormat, Run, TrainedClassifier


def write(classifier: TrainedClassifier, path: Path) -> None:
    """Writes the .xml file, and the .bin file beside it, into a folder of their own.

    The class names and the threshold of the novelty are in the runtime info, under
    `model_info/labels` and `model_info/novelty_threshold`.
    """
    path.parent.mkdir()
    network = classifier.resizing_network()
    network.set_rt_info(list(classifier.head.info.class_names), ["model_info", "labels"])
    network.set_rt_info(classifier.threshold, ["model_info", "novelty_threshold"])
    openvino_engine.write(network, path)


def load(path: Path) -> Run:
    """Returns the model in OpenVINO."""
    exact = {"INFERENCE_PRECISION_HINT": openvino_engine.EXACT["INFERENCE_PRECISION_HINT"]}
    network = openvino_engine.openvino().compile_model(path, "CPU", exact)
    names = [port.get_any_name() for port in network.outputs]
    return lambda pixels: dict(zip(names, network(pixels).to_tuple(), strict=True))


FORMAT = ExportFormat(
    name="openvino",
    path="openvino/model.xml",
    write=write,
    load=load,
    input="The pipeline's own network, in its precision. Takes images of any size; the model "
    "resizes them bit for bit as the pipeline does.",
    code="""import openvino
model = openvino.compile_model("$path", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
outputs = model(pixels[None])""",
)
