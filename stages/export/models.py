"""The whole classifier, from uint8 pixels to probabilities, as one OpenVINO or Keras model."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from classifier.backbone import openvino_convert
from classifier.head import Branch, Head
from classifier.inference import base
from classifier.inference.base import BaseInfo
from classifier.inference.openvino_engine import openvino
from stages.export import keras_graph, novelty_ops, resize_ops

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class TrainedClassifier:
    """The trained classifier, to build whole models of."""

    info: BaseInfo
    head: Head
    base_folder: Path  # models/base
    threshold: float  # novelty above which an image is unknown

    def network(self) -> Any:
        """Returns an OpenVINO model from uint8 images of the network's size to the outputs.

        It contains the very network the pipeline runs. Its outputs are `probabilities` and, where
        the head knows it, `novelty`.
        """
        ov = openvino()
        if self.info.engine == "openvino":
            network = ov.Core().read_model(self.base_folder / base.NETWORK)
        else:
            from classifier.inference import keras_backend

            files = self.base_folder / base.ARCHITECTURE, self.base_folder / base.WEIGHTS
            network = openvino_convert.convert(keras_backend.read_model(*files))
        (pixels,) = network.get_parameters()
        pixels.output(0).set_names({"pixels"})
        outputs = self._head(ov, network.get_results()[0].input_value(0))
        for name, output in outputs.items():
            output.set_names({name})
        return ov.Model(list(outputs.values()), [pixels], "classifier")

    def resizing_network(self) -> Any:
        """Returns the same model for images (N, H, W, 3) of any size.

        It resizes them bit for bit as the pipeline does.
        """
        ov, network = openvino(), self.network()
        size = self.info.image_height, self.info.image_width
        pixels, resized = resize_ops.openvino_pixels(ov, *size)
        network.get_parameters()[0].output(0).replace(resized)
        outputs = [result.input_value(0) for result in network.get_results()]
        return ov.Model(outputs, [pixels], "classifier")

    def _head(self, ov: Any, features: Any) -> dict[str, Any]:
        """Returns the outputs by name for the features, which are of OpenVINO operations too."""
        ops = ov.opset13
        if self.head.network:
            upper = ov.Core().read_model(self.head.network)
            maps = ops.convert(features, "f16").output(0)
            upper.get_parameters()[0].output(0).replace(maps)
            features = upper.get_results()[0].input_value(0)
        outputs = [self._branch(ops, features, branch) for branch in self.head.branches]
        total = outputs[0]
        for output in outputs[1:]:
            total = ops.add(total, output).output(0)
        if len(outputs) > 1:
            total = ops.multiply(total, np.float32(1 / len(outputs))).output(0)
        if not self.head.novelty:
            return {"probabilities": total}
        scores = novelty_ops.novelty(ops, self.head.novelty, features)
        return {"probabilities": total, "novelty": ops.squeeze(scores, np.array([1])).output(0)}

    def _branch(self, ops: Any, features: Any, branch: Branch) -> Any:
        if branch.power != 1:
            features = ops.power(ops.relu(features), np.float32(branch.power)).output(0)
        for kernel, bias, activation in branch.layers:
            values = ops.matmul(features, np.float32(kernel), False, False)
            values = ops.add(values, np.float32(bias))
            values = ops.relu(values) if activation == "relu" else ops.softmax(values, 1)
            features = values.output(0)
        return features

    def keras_model(self, dtype: str, round_weights: bool = False) -> "keras.Model":
        """Returns the same as `network` as a Keras model from pixels to a dict of the outputs.

        Args:
            dtype: of the pixels, whose levels are 0 to 255.
            round_weights: see `keras_graph.translate`.
        """
        from classifier.inference.keras_backend import keras

        keras.backend.clear_session()  # restarts the numbers in layer names
        shape = self.info.image_height, self.info.image_width, 3
        pixels = keras.Input(shape, dtype=dtype, name="pixels")
        outputs = keras_graph.translate(self.network(), pixels, round_weights)
        named = {name: keras.layers.Identity(name=name)(value) for name, value in outputs.items()}
        return keras.Model(pixels, named, name="classifier")


EXAMPLE = """import json
from read_image import read_image
labels = json.load(open("labels.json", encoding="utf-8"))
pixels = $read
$code
print(dict(zip(labels, outputs["probabilities"][0].tolist())))
novelty, limit = outputs["novelty"][0], json.load(open("thresholds.json"))["novelty"]
if limit is not None and novelty > limit:
    print(f"unknown: a novelty of {novelty:.3f}, above {limit:.3f}")"""
Outputs = Mapping[str, np.ndarray]
Run = Callable[[np.ndarray], Outputs]  # from uint8 pixels (1, H, W, 3)


@dataclass(frozen=True)
class ExportFormat:
    """A format that the whole classifier can be written in.

    `input` and `code` are for the model card; they may use `$path`, `$width` and `$height`.
    """

    name: str  # of its switch in section `export` of params.yaml
    path: str  # of its file or folder, relative to models/exported
    write: Callable[[TrainedClassifier, Path], None]  # called with the absolute place of `path`
    load: Callable[[Path], Run]  # the same place in its own runtime
    input: str  # what the model takes and how exact it is
    code: str  # Python code that computes `outputs`, NumPy arrays, for `pixels`
    resizes: bool = True  # images of any size itself
    precision: str = ""  # that the network must have, if it needs one
    packages: tuple[str, ...] = ()  # to import for writing it, beyond those the project installs
    runtime: str = ""  # package to import for running it, if the project does not install it


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
