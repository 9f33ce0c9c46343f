"""The whole classifier, from uint8 pixels to probabilities, as one OpenVINO or Keras model."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from classifier.backbone import inception, openvino_convert
from classifier.head import Branch, Head
from classifier.inference import base
from classifier.inference.base import BaseInfo
from classifier.inference.openvino_engine import openvino
from stages.export import novelty_ops, resize_ops
from stages.export.novelty_ops import KerasOperations, OpenvinoOperations

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class TrainedClassifier:
    """The trained classifier, to build whole models of."""

    info: BaseInfo
    head: Head
    base_folder: Path  # models/base
    weights: Path  # models/pretrained.h5
    threshold: float  # novelty above which an image is unknown

    def openvino_model(self) -> Any:
        """Returns an OpenVINO model that contains the very network the pipeline runs.

        It takes uint8 images (N, H, W, 3) of any size, and resizes them bit for bit as the
        pipeline does. The class names and the threshold of the novelty are in its runtime info,
        under `model_info/labels` and `model_info/novelty_threshold`.
        """
        ov = openvino()
        if self.info.engine == "openvino":
            network = ov.Core().read_model(self.base_folder / base.NETWORK)
        else:
            model, _ = inception.load(self.weights, self.info)
            scaled = inception.with_rescaling(inception.fold_batch_norm(model))
            network = openvino_convert.convert(scaled)
        pixels, resized = resize_ops.openvino_pixels(
            ov, self.info.image_height, self.info.image_width
        )
        network.get_parameters()[0].output(0).replace(resized)
        outputs = self._openvino_head(ov, network.get_results()[0].input_value(0))
        for name, output in outputs.items():
            output.get_node().set_friendly_name(name)
            output.set_names({name})
        whole = ov.Model(list(outputs.values()), [pixels], "classifier")
        whole.set_rt_info(list(self.head.info.class_names), ["model_info", "labels"])
        whole.set_rt_info(self.threshold, ["model_info", "novelty_threshold"])
        return whole

    def _openvino_head(self, ov: Any, features: Any) -> dict[str, Any]:
        """Returns the outputs by name for the features, which are of OpenVINO operations too."""
        ops = ov.opset13
        if self.head.network:
            upper = ov.Core().read_model(self.head.network)
            maps = ops.convert(features, "f16").output(0)
            upper.get_parameters()[0].output(0).replace(maps)
            features = upper.get_results()[0].input_value(0)
        outputs = [self._openvino_branch(ops, features, branch) for branch in self.head.branches]
        total = outputs[0]
        for output in outputs[1:]:
            total = ops.add(total, output).output(0)
        if len(outputs) > 1:
            total = ops.multiply(total, np.float32(1 / len(outputs))).output(0)
        if not self.head.novelty:
            return {"probabilities": total}
        scores = novelty_ops.novelty(OpenvinoOperations(ops), self.head.novelty, features)
        return {"probabilities": total, "novelty": ops.squeeze(scores, np.array([1])).output(0)}

    def _openvino_branch(self, ops: Any, features: Any, branch: Branch) -> Any:
        if branch.power != 1:
            features = ops.power(ops.relu(features), np.float32(branch.power)).output(0)
        for kernel, bias, activation in branch.layers:
            values = ops.matmul(features, np.float32(kernel), False, False)
            values = ops.add(values, np.float32(bias))
            values = ops.relu(values) if activation == "relu" else ops.softmax(values, 1)
            features = values.output(0)
        return features

    def keras_model(self, dtype: str, any_size: bool = False) -> "keras.Model":
        """Returns a float32 Keras model from pixels to a dict of probabilities and novelty.

        Args:
            dtype: of the pixels, whose levels are 0 to 255.
            any_size: whether it resizes images (N, H, W, 3) itself, with TensorFlow's antialiased
                bilinear filter, rounded to whole levels; else they have the network's own size.
        """
        from classifier.inference.keras_backend import keras

        size = self.info.image_height, self.info.image_width
        shape = (None, None) if any_size else size
        levels = pixels = keras.Input((*shape, 3), dtype=dtype, name="pixels")
        if any_size:
            resize = keras.layers.Resizing(*size, antialias=True, name="resized")
            levels = keras.ops.round(resize(pixels))
        scaled = keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="scaled")(levels)
        vectors = self._keras_vectors(scaled)
        outputs = [self._keras_branch(vectors, number) for number in range(len(self.head.branches))]
        mean = keras.layers.Average(name="probabilities")
        results = {"probabilities": mean(outputs) if outputs[1:] else outputs[0]}
        if self.head.novelty:
            scores = novelty_ops.novelty(KerasOperations(), self.head.novelty, vectors)
            results["novelty"] = keras.layers.Reshape((), name="novelty")(scores)
        return keras.Model(pixels, results, name="classifier")

    def _keras_branch(self, vectors: Any, number: int) -> Any:
        """Returns the probabilities of a branch of the head for vectors, a Keras tensor."""
        from classifier.inference.keras_backend import keras

        branch, values = self.head.branches[number], vectors
        if branch.power != 1:
            values = keras.ops.power(keras.ops.relu(values), branch.power)
        for position, (kernel, bias, activation) in enumerate(branch.layers):
            single = len(self.head.branches) == 1 and activation == "softmax"
            name = "probabilities" if single else f"{activation}_{number}_{position}"
            layer = keras.layers.Dense(kernel.shape[1], activation=activation, name=name)
            values = layer(values)
            layer.set_weights([np.float32(kernel), np.float32(bias)])
        return values

    @cached_property
    def _keras_vectors(self) -> "keras.Model":
        """The float32 network from [-1, 1] to the head's input, fine-tuned blocks included."""
        from classifier.inference.keras_backend import keras, load_weights

        model, upper = inception.load(self.weights, self.info)
        model = inception.fold_batch_norm(model)
        if not upper:
            return model
        if self.head.upper_weights:
            load_weights(upper, self.head.upper_weights)
        return keras.Model(model.inputs[0], inception.fold_batch_norm(upper)(model.outputs[0]))


READ_IMAGE = """import json
from pathlib import Path
import numpy as np
from PIL import Image, ImageOps

def read_image(path):  # as the pipeline does: upright, transparent pixels white, 8 bits
    image = ImageOps.exif_transpose(Image.open(path))
    if image.mode.startswith(("I", "F")):  # 16 or 32 bits: black and white of the training images
        black, white = $range_16 if image.mode.startswith("I;16") else $range_32
        grey = (np.asarray(image, np.float32) - black) * (255 / (white - black)) + 0.5
        image = Image.fromarray(np.clip(grey, 0, 255).astype("uint8"))
    image = image.convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB")

labels = json.loads(Path("labels.json").read_text(encoding="utf-8"))
"""


@dataclass(frozen=True)
class ExportFormat:
    """A format that the whole classifier can be written in.

    `input` and `example` are for the model card; they may use `$path`, `$width` and `$height`.
    """

    name: str  # of its switch in section `export` of params.yaml
    path: str  # of its file or folder, relative to models/exported
    write: Callable[[TrainedClassifier, Path], None]  # called with the absolute place of `path`
    input: str  # what the model takes and how exact it is
    example: str  # Python code that classifies image.jpg and prints {class name: probability}
    packages: tuple[str, ...] = ()  # to import for writing it, beyond those the project installs


def resizing_function(model: "keras.Model") -> Any:
    """Returns a TensorFlow function from uint8 images of any size to what the model returns.

    It resizes them bit for bit as the pipeline does, to the size that the Keras model takes.
    """
    from classifier.inference.keras_backend import tf

    height, width = model.input_shape[1:3]

    def run(pixels: Any) -> Any:
        images = resize_ops.tensorflow_resized(pixels, height, width)
        return model(images, training=False)

    signature = [tf.TensorSpec((None, None, None, 3), tf.uint8, name="pixels")]
    return tf.function(run, signature, autograph=False)
