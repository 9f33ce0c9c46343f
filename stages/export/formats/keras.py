"""Keras: one .keras file of built-in layers, which loads without this project's code."""

from pathlib import Path

from stages.export.models import ExportFormat, Run, TrainedClassifier


def write(classifier: TrainedClassifier, path: Path) -> None:
    """Writes a .keras file."""
    classifier.keras_model("uint8").save(path)


def load(path: Path) -> Run:
    """Returns the model in Keras."""
    from classifier.inference.keras_backend import keras, tf

    model = keras.saving.load_model(path)
    run = tf.function(lambda pixels: model(pixels, training=False))
    return lambda pixels: {name: array.numpy() for name, array in run(pixels).items()}


FORMAT = ExportFormat(
    name="keras",
    path="classifier.keras",
    write=write,
    load=load,
    input="Takes images of $width x $height pixels, resized as the pipeline does by `read_image`. "
    "In float32; int8 values are rounded to the same levels.",
    resizes=False,
    code="""import keras
model = keras.saving.load_model("$path")
outputs = model(pixels[None])
outputs = {name: array.numpy() for name, array in outputs.items()}""",
)
