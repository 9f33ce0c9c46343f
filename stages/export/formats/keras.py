"""Keras: one .keras file of built-in layers, which loads without this project's code."""

from stages.export.models import READ_IMAGE, ExportFormat

FORMAT = ExportFormat(
    name="keras",
    path="classifier.keras",
    write=lambda classifier, path: classifier.keras_model("uint8", any_size=True).save(path),
    input="float32. Takes images of any size; the model resizes them with TensorFlow's "
    "antialiased bilinear filter, which differs from the pipeline's by at most 1 level of 255.",
    example=READ_IMAGE
    + """import keras
model = keras.saving.load_model("$path")
pixels = np.asarray(read_image("image.jpg"))
outputs = model(pixels[None])
probabilities = outputs["probabilities"].numpy()[0]
print("novelty:", float(outputs["novelty"][0]))
print(dict(zip(labels, probabilities.tolist())))""",
)
