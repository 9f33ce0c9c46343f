"""How closely each export format reproduces the pipeline's probabilities, its size and speed.

    python -m benchmarks.exports --images DIR --weights FILE.h5 [--precision P...] [--json FILE]

DIR holds train/<class>/* and test/<class>/*. The pipeline runs on it and exports all formats.
Each format gets the test images one by one, as in the examples of the model card: decoded by
Pillow, and resized by it for formats that do not resize themselves. Speed is that of the model
alone. Needs `onnx`, `onnxruntime` and `tf2onnx`.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from benchmarks.pipeline import prepare, run_stages
from classifier.common import files
from classifier.exported import FOLDER
from classifier.inference import base
from classifier.inference.base import BaseInfo
from classifier.inference.openvino_engine import EXACT
from stages.export.models import ExportFormat
from stages.export.params import FORMATS

Run = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Row:
    """A row of the table."""

    precision: str
    format: str
    megabytes: float
    largest_difference: float
    mean_difference: float
    agreement: float
    images_per_second: float

    def __str__(self) -> str:
        numbers = "{:.1f} | {:.4f} | {:.5f} | {:.3f} | {:.1f}".format(
            *list(asdict(self).values())[2:]
        )
        return f"| {self.precision} | {self.format} | {numbers} |"


def load(name: str, path: Path) -> Run:
    """Returns a function from pixels, uint8 (1, H, W, 3), to probabilities (1, C)."""
    if name == "openvino":
        import openvino

        config = {"INFERENCE_PRECISION_HINT": EXACT["INFERENCE_PRECISION_HINT"]}
        network = openvino.compile_model(path, "CPU", config)
        return lambda pixels: network(pixels)["probabilities"]
    if name == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(str(path))
        return lambda pixels: session.run(["probabilities"], {"pixels": pixels})[0]
    from classifier.inference.keras_backend import keras, tf

    if name == "keras":
        model = keras.saving.load_model(path)
        run = tf.function(lambda pixels: model(pixels, training=False), reduce_retracing=True)
        return lambda pixels: run(tf.constant(pixels))["probabilities"].numpy()
    if name == "saved_model":
        signature = tf.saved_model.load(str(path)).signatures["pixels"]
        return lambda pixels: signature(pixels=tf.constant(pixels))["probabilities"].numpy()
    lite = tf.lite.Interpreter(str(path), num_threads=2).get_signature_runner()
    return lambda pixels: lite(pixels=pixels)["probabilities"]


def read_pixels(path: Path, name: str, info: BaseInfo) -> np.ndarray:
    """Returns what a format takes for an image file, uint8 (1, H, W, 3)."""
    image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    if name in ("tflite", "tflite_int8"):
        for size in ((info.image_width, image.height), (info.image_width, info.image_height)):
            image = image.resize(size, Image.Resampling.BILINEAR)
    return np.asarray(image)[None]


def measure(folder: Path, one: ExportFormat, precision: str) -> Row:
    """Returns the row of a format; `folder` holds the pipeline."""
    path = folder / FOLDER / one.path
    info, run = base.read_info(folder / base.FOLDER), load(one.name, path)
    differences, same, seconds = [], [], 0.0
    for row in files.read_csv(folder / "results" / "predictions.csv"):
        pixels = read_pixels(folder / row["path"], one.name, info)
        if not same:
            run(pixels)  # the first call also initialises the model
        started = time.perf_counter()
        (probabilities,) = run(pixels)
        seconds += time.perf_counter() - started
        index = int(row["predicted_index"])
        differences.append(abs(float(probabilities[index]) - float(row["probability"])))
        same.append(int(probabilities.argmax()) == index)
    return Row(
        precision,
        one.name,
        megabytes(path.parent if one.name == "openvino" else path),
        max(differences),
        float(np.mean(differences)),
        float(np.mean(same)),
        len(same) / seconds,
    )


def megabytes(path: Path) -> float:
    """Returns the size of a file, or of all files of a folder."""
    paths = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    return sum(p.stat().st_size for p in paths) / 1e6


def main() -> None:
    """Measures every format in every precision."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--precision", nargs="+", default=["int8", "float32"])
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    rows = []
    print("| precision | format | MB | largest difference | mean | agreement | images/s |")
    print("|---" * 7 + "|")
    for precision in args.precision:
        with tempfile.TemporaryDirectory() as name:
            changes: dict[str, object] = {f"export.{one.name}": True for one in FORMATS}
            changes |= {"fetch.weights": str(args.weights.resolve()), "freeze.precision": precision}
            prepare(Path(name), args.images, changes)
            run_stages(Path(name))
            for one in FORMATS:
                rows.append(measure(Path(name), one, precision))
                print(rows[-1], flush=True)
    if args.json:
        args.json.write_text(json.dumps([asdict(row) for row in rows], indent=2))


if __name__ == "__main__":
    main()
