"""OpenVINO: the pipeline's own network, with the head and the resizing."""

from pathlib import Path

from classifier.inference import openvino_engine
from stages.export.models import READ_IMAGE, ExportFormat, TrainedClassifier


def write(classifier: TrainedClassifier, path: Path) -> None:
    """Writes the .xml file, and the .bin file beside it, into a folder of their own."""
    path.parent.mkdir()
    openvino_engine.write(classifier.openvino_model(), path)


FORMAT = ExportFormat(
    name="openvino",
    path="openvino/model.xml",
    write=write,
    input="The pipeline's own network, in its precision. Takes images of any size; the model "
    "resizes them bit for bit as the pipeline does.",
    example=READ_IMAGE
    + """import openvino
model = openvino.compile_model("$path", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
pixels = np.asarray(read_image("image.jpg"))
outputs = model(pixels[None])
probabilities = outputs["probabilities"][0]
print("novelty:", float(outputs["novelty"][0]))
print(dict(zip(labels, probabilities.tolist())))""",
)
