"""models/exported/README.md: what the exported classifier is, and how to load it."""

from collections.abc import Mapping, Sequence
from typing import Any

from classifier.inference.base import BaseInfo

NAME = "README.md"
FORMATS = {  # where each lies, beside this file
    "openvino": "openvino/model.xml",
    "keras": "classifier.keras",
    "saved_model": "saved_model",
    "onnx": "classifier.onnx",
    "tflite": "classifier.tflite",
    "tflite_int8": "classifier.int8.tflite",
}
LOADING = {
    "openvino": """import json, numpy as np, openvino
from PIL import Image, ImageOps
model = openvino.compile_model("{place}", "CPU", {{"INFERENCE_PRECISION_HINT": "f32"}})
pixels = np.asarray(ImageOps.exif_transpose(Image.open("image.jpg")).convert("RGB"))
print(dict(zip(json.load(open("labels.json")), model(pixels[None])[0][0].tolist())))""",
    "keras": """import json, keras, numpy as np
from PIL import Image, ImageOps
model = keras.saving.load_model("{place}")
pixels = np.asarray(ImageOps.exif_transpose(Image.open("image.jpg")).convert("RGB"))
print(dict(zip(json.load(open("labels.json")), model(pixels[None]).numpy()[0].tolist())))""",
    "saved_model": """import json, tensorflow as tf
model = tf.saved_model.load("{place}")
answer = model.signatures["serve"](images=tf.constant([open("image.jpg", "rb").read()]))
labels = json.load(open("labels.json"))
print(dict(zip(labels, answer["probabilities"].numpy()[0].tolist())))""",
    "onnx": """import json, numpy as np, onnxruntime
from PIL import Image, ImageOps
pixels = np.asarray(ImageOps.exif_transpose(Image.open("image.jpg")).convert("RGB"))
answer = onnxruntime.InferenceSession("{place}").run(None, {{"pixels": pixels[None]}})
print(dict(zip(json.load(open("labels.json")), answer[0][0].tolist())))""",
}
LITERT = """import json, numpy as np, tensorflow as tf
from PIL import Image, ImageOps
image = ImageOps.exif_transpose(Image.open("image.jpg")).convert("RGB")
image = image.resize(({width}, image.height), 2).resize(({width}, {height}), 2)
run = tf.lite.Interpreter("{place}").get_signature_runner()
(answer,) = run(pixels=np.asarray(image)[None]).values()
print(dict(zip(json.load(open("labels.json")), answer[0].tolist())))"""
LOADING |= {"tflite": LITERT, "tflite_int8": LITERT}
INSIDE = (
    "resized inside, bit for bit as Pillow's antialiased bilinear filter does it, first across, "
    "then down"
)
TAKES = {
    "openvino": f"the pipeline's own network, in its precision; any size, {INSIDE}",
    "keras": "float32; any size, resized inside by TensorFlow's antialiased bilinear filter, "
    "which is within a level of 255 of Pillow's",
    "saved_model": "float32; `serve` takes the bytes of JPEG, PNG, GIF or BMP files (EXIF "
    f"orientation is not obeyed), `pixels` images of any size; {INSIDE}",
    "onnx": f"float32; any size, {INSIDE}",
    "tflite": "float32; images of {width} x {height} pixels, resized before by Pillow: TFLite "
    "has no antialiased resize",
    "tflite_int8": "8 bits, calibrated on drawn images; else as the float32 one, with "
    "probabilities in steps of 1/256",
}
SOURCES = {
    "imagenet": "Keras's weights, trained on ImageNet; Keras's documentation has them under the "
    "Apache License, ImageNet's images have terms of their own",
    "random": "RANDOM weights, which know nothing: this model is for trying things out only",
}


def model_card(
    about: BaseInfo,
    class_names: Sequence[str],
    learned: int,
    metrics: Mapping[str, Any],
    formats: Sequence[str],
) -> str:
    """Returns the model card, in Markdown.

    Args:
        about: the frozen network.
        class_names: in the order of the probabilities.
        learned: training images, those included that it was validated with.
        metrics: of results/metrics.json.
        formats: those exported.
    """
    size = {"width": about.image_width, "height": about.image_height}
    parts = [
        "# An image classifier",
        f"InceptionV3 up to its layer {about.last_layer}, frozen, and a head trained on {learned:,} "
        f"images of {len(class_names)} classes: {', '.join(class_names)}.",
        "## How good it is",
        scores(metrics),
        "The intervals are 95 % Wilson intervals. They hold for images like those it was "
        "measured on; of others they say nothing, and it gives every image one of its classes.",
        "## Where it comes from",
        "Weights of the frozen part: "
        + SOURCES.get(about.weights, f"from a file, {about.weights}")
        + ".",
        "## What it takes and gives",
        "uint8 pixels (N, height, width, 3), RGB, upright, transparency on white; it scales them "
        f"to [-1, 1] itself, and works at {size['width']} x {size['height']} without keeping the "
        "aspect. It gives float32 (N, classes), in the order of `labels.json`, which sum to 1.",
    ]
    if about.precision == "int8" and any(name != "openvino" for name in formats):
        parts.append(
            "The head was trained on features computed in int8. Only the OpenVINO model computes "
            "them so; in the others probabilities differ, in single cases by tenths. Set "
            "`freeze.precision: float32` where they have to agree."
        )
    for name in formats:
        place = FORMATS[name]
        code = LOADING[name].format(place=place, **size)
        parts += [f"## {place}", TAKES[name].format(**size) + ".", f"```python\n{code}\n```"]
    return "\n\n".join(parts) + "\n"


def scores(metrics: Mapping[str, Any]) -> str:
    """Returns the scores as a table."""
    lines = ["| images | number | named rightly | interval | log loss |", "|---" * 5 + "|"]
    for name in ("validation", "test"):
        if part := metrics.get(name):
            low, high = (f"{100 * part[f'accuracy_{end}']:.1f} %" for end in ("low", "high"))
            share = f"{100 * part['accuracy']:.1f} %"
            numbers = f"{share} | {low} to {high} | {part['log_loss']:.3f}"
            lines.append(f"| {name} | {part['n']:,} | {numbers} |")
    return "\n".join(lines)
