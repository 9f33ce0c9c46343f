"""ONNX, for ONNX Runtime and others."""

import json
from pathlib import Path

from stages.export.models import READ_IMAGE, ExportFormat, TrainedClassifier, resizing_function


def write(classifier: TrainedClassifier, path: Path) -> None:
    """Writes an .onnx file.

    Its metadata has the class names as the JSON list `labels`, and `novelty_threshold`.
    """
    run = resizing_function(classifier.keras_model("float32"))
    import onnx
    import tf2onnx  # after keras_backend, which silences TensorFlow's start

    model, _ = tf2onnx.convert.from_function(run, run.input_signature, opset=18)
    labels = json.dumps(classifier.head.info.class_names)
    onnx.helper.set_model_props(
        model, {"labels": labels, "novelty_threshold": str(classifier.threshold)}
    )
    onnx.save(model, path)


FORMAT = ExportFormat(
    name="onnx",
    path="classifier.onnx",
    write=write,
    packages=("onnx", "tf2onnx"),
    input="float32. Takes images of any size; the model resizes them bit for bit as the pipeline "
    "does.",
    example=READ_IMAGE
    + """import onnxruntime
model = onnxruntime.InferenceSession("$path")
pixels = np.asarray(read_image("image.jpg"))
outputs = model.run(["probabilities", "novelty"], {"pixels": pixels[None]})
probabilities = outputs[0][0]
print("novelty:", float(outputs[1][0]))
print(dict(zip(labels, probabilities.tolist())))""",
)
