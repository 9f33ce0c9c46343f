"""TensorFlow's SavedModel, with one signature for encoded images and one for pixels."""

from pathlib import Path
from typing import Any

from stages.export import resize_ops
from stages.export.models import ExportFormat, TrainedClassifier, resizing_function


def write(classifier: TrainedClassifier, path: Path) -> None:
    """Writes a SavedModel with the signatures `serve` (encoded images) and `pixels`."""
    from classifier.inference.keras_backend import tf

    model = classifier.keras_model("float32")
    height, width = model.input_shape[1:3]

    def decode(data: Any) -> Any:
        pixels = tf.io.decode_image(data, channels=3, expand_animations=False)
        pixels.set_shape((None, None, 3))
        return resize_ops.tensorflow_resized(pixels[None], height, width)[0]

    def serve(images: Any) -> Any:
        images = tf.map_fn(decode, images, fn_output_signature=tf.float32)
        return model(images, training=False)

    module = tf.Module()  # Keras's ExportArchive would write all weights twice
    module.weights = [variable.value for variable in model.variables]
    encoded = tf.TensorSpec((None,), tf.string, name="images")
    signatures = {
        "serve": tf.function(serve, [encoded], autograph=False),
        "pixels": resizing_function(model),
    }
    signatures["serving_default"] = signatures["serve"]
    tf.saved_model.save(module, str(path), signatures)


FORMAT = ExportFormat(
    name="saved_model",
    path="saved_model",
    write=write,
    input="float32. The signature `serve` takes the bytes of JPEG, PNG, GIF or BMP files and "
    "ignores their EXIF orientation; `pixels` takes images of any size. The model resizes them "
    "bit for bit as the pipeline does.",
    example="""import json
from pathlib import Path
import tensorflow as tf
model = tf.saved_model.load("$path")
outputs = model.signatures["serve"](images=tf.constant([Path("image.jpg").read_bytes()]))
probabilities = outputs["probabilities"].numpy()[0]
print("novelty:", float(outputs["novelty"][0]))
labels = json.loads(Path("labels.json").read_text(encoding="utf-8"))
print(dict(zip(labels, probabilities.tolist())))""",
)
