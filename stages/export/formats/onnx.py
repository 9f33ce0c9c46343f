"""ONNX, for ONNX Runtime and others."""

import json
from pathlib import Path

from stages.export.models import ExportFormat, Run, TrainedClassifier


def write(classifier: TrainedClassifier, path: Path) -> None:
    """Writes an .onnx file.

    Its metadata has the class names as the JSON list `labels`, and `novelty_threshold`.
    """
    import onnx

    from stages.export import onnx_graph

    model = onnx_graph.translate(classifier.resizing_network())
    labels = json.dumps(classifier.head.info.class_names)
    onnx.helper.set_model_props(
        model, {"labels": labels, "novelty_threshold": str(classifier.threshold)}
    )
    onnx.save(model, path)


def load(path: Path) -> Run:
    """Returns the model in ONNX Runtime."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [port.name for port in session.get_outputs()]
    return lambda pixels: dict(zip(names, session.run(names, {"pixels": pixels}), strict=True))


FORMAT = ExportFormat(
    name="onnx",
    path="classifier.onnx",
    write=write,
    load=load,
    packages=("onnx",),
    runtime="onnxruntime",
    input="The pipeline's own network, in its precision. Takes images of any size; the model "
    "resizes them bit for bit as the pipeline does.",
    code="""import onnxruntime
model = onnxruntime.InferenceSession("$path")
names = [output.name for output in model.get_outputs()]
outputs = dict(zip(names, model.run(names, {"pixels": pixels[None]})))""",
)
