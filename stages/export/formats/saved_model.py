"""TensorFlow's SavedModel, with one signature for encoded images and one for pixels."""

from pathlib import Path
from typing import Any

from stages.export import resize_ops
from stages.export.models import ExportFormat, Run, TrainedClassifier, resizing_function


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


def load(path: Path) -> Run:
    """Returns the signature `pixels` in TensorFlow."""
    from classifier.inference.keras_backend import tf

    run = tf.saved_model.load(str(path)).signatures["pixels"]
    return lambda pixels: {
        name: array.numpy() for name, array in run(pixels=tf.constant(pixels)).items()
    }


FORMAT = ExportFormat(
    name="saved_model",
    path="saved_model",
    write=write,
    load=load,
    input="The signature `pixels` takes images of any size, and resizes them bit for bit as the "
    "pipeline does; `serve` takes the bytes of JPEG, PNG, GIF or BMP files, but ignores their "
    "EXIF orientation, transparency and colour profile. In float32; int8 values are rounded to "
    "the same levels.",
    code="""import tensorflow as tf
model = tf.saved_model.load("$path")
outputs = model.signatures["pixels"](pixels=tf.constant(pixels[None]))
outputs = {name: array.numpy() for name, array in outputs.items()}""",
)
