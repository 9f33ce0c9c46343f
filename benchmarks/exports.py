"""How far each exported form is from the pipeline, how large and how fast it is.

    python -m benchmarks.exports --images DIR --weights FILE.h5 [--precision P...] [--json FILE]

DIR holds train/<class>/* and test/<class>/*. The whole pipeline runs on it, every form is exported,
and each is given the test images one by one, as the lines of the model card would (decoded by
Pillow, resized there where the form does not do it itself); seconds are those of the model alone.
`onnx`, `onnxruntime` and `tf2onnx` are needed.
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
from classifier.inference import base
from classifier.inference.openvino_engine import EXACT
from stages.export import model_card
from stages.export.stage import FOLDER

Run = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Row:
    """A row of the table."""

    precision: str
    form: str
    megabytes: float
    largest_difference: float
    mean_difference: float
    agreement: float
    images_per_second: float


def loaded(name: str, place: Path) -> Run:
    """Returns what makes probabilities (1, C) of pixels uint8 (1, H, W, 3)."""
    if name == "openvino":
        import openvino

        model = openvino.compile_model(
            place, "CPU", {"INFERENCE_PRECISION_HINT": EXACT["INFERENCE_PRECISION_HINT"]}
        )
        return lambda pixels: model(pixels)[0]
    if name == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(str(place))
        return lambda pixels: session.run(None, {"pixels": pixels})[0]
    from classifier.inference.keras_backend import keras, tf

    if name == "keras":
        whole = keras.saving.load_model(place)
        run = tf.function(lambda pixels: whole(pixels, training=False), reduce_retracing=True)
        return lambda pixels: run(tf.constant(pixels)).numpy()
    if name == "saved_model":
        saved = tf.saved_model.load(str(place)).signatures["pixels"]
        return lambda pixels: saved(pixels=tf.constant(pixels))["probabilities"].numpy()
    lite = tf.lite.Interpreter(str(place), num_threads=2).get_signature_runner()
    return lambda pixels: next(iter(lite(pixels=pixels).values()))


def measure(folder: Path, name: str, precision: str) -> Row:
    """Returns the row of a form."""
    place = folder / FOLDER / model_card.FORMATS[name]
    about = base.read_info(folder / base.FOLDER)
    run, seconds = loaded(name, place), 0.0
    apart, same = [], []
    for row in files.read_csv(folder / "results" / "predictions.csv"):
        image = ImageOps.exif_transpose(Image.open(folder / row["path"])).convert("RGB")
        if name in ("tflite", "tflite_int8"):
            for size in (
                (about.image_width, image.height),
                (about.image_width, about.image_height),
            ):
                image = image.resize(size, Image.Resampling.BILINEAR)
        pixels = np.asarray(image)[None]
        if not apart:
            run(pixels)  # what the first costs is not its speed
        started = time.perf_counter()
        (chances,) = run(pixels)
        seconds += time.perf_counter() - started
        apart.append(abs(float(chances[int(row["predicted_index"])]) - float(row["probability"])))
        same.append(int(chances.argmax()) == int(row["predicted_index"]))
    whole = place.parent if name == "openvino" else place
    files = [whole] if whole.is_file() else [path for path in whole.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files) / 1e6
    speed = len(apart) / seconds
    return Row(
        precision, name, size, max(apart), float(np.mean(apart)), float(np.mean(same)), speed
    )


def main() -> None:
    """Measures every form in every precision."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--precision", nargs="+", default=["int8", "float32"])
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rows = []
    print("| precision | form | MB | largest difference | mean | agreement | images/s |")
    print("|---" * 7 + "|")
    for precision in arguments.precision:
        with tempfile.TemporaryDirectory() as name:
            changes: dict[str, object] = {f"export.{form}": True for form in model_card.FORMATS}
            changes |= {"fetch.weights": str(arguments.weights.resolve())}
            prepare(Path(name), arguments.images, changes | {"freeze.precision": precision})
            run_stages(Path(name))
            for form in model_card.FORMATS:
                row = measure(Path(name), form, precision)
                rows.append(row)
                numbers = "{:.1f} | {:.4f} | {:.5f} | {:.3f} | {:.1f}".format(
                    *list(asdict(row).values())[2:]
                )
                print(f"| {row.precision} | {row.form} | {numbers} |", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(row) for row in rows], indent=2))


if __name__ == "__main__":
    main()
