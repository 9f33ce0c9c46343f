"""From files to features: this pipeline, what a Keras user writes, a 2017 script and ONNX Runtime.

    python -m benchmarks.extract --images DIR --weights FILE.h5 [--rounds 3] [--json FILE]

All images in DIR/train and DIR/test go through InceptionV3 (mixed10, averaged, 299x299). Each
contender runs in a process of its own, started again in every round; rounds are interleaved and
medians printed (0 rounds: only the last table). It processes all images twice: cold, timed from
the start of the process to the first features and to the last, and then warm. The pipeline
decodes, checks every hash and writes the feature cache both times.
`keras predict` is measured as a user gets it, and without the wait of tf.data's autotuner.
The last table is the network alone, as a share of the machine's matrix product rate in the same
precision. ONNX Runtime is measured if `onnxruntime`, `tf2onnx` and `onnx` are installed.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import peak
from benchmarks.pipeline import prepare

GFLOP = 11.42  # per image of 299x299
COMMON = """
import json, os, sys, time
from pathlib import Path
import numpy as np
folder, weights = Path(sys.argv[1]), sys.argv[2]
paths = sorted((folder / "input").rglob("*.jpg"))
first = []
def done(count=1):
    first.append(time.time() - float(os.environ["STARTED"]))
def measure(work):
    work()
    cold = time.time() - float(os.environ["STARTED"])
    started = time.perf_counter()
    work()
    warm = len(paths) / (time.perf_counter() - started)
    print(json.dumps({"first": first[0], "cold": len(paths) / cold, "warm": warm}))
"""
PIPELINE = """
import shutil
from functools import partial
from classifier.cache import fingerprint
from classifier.cache.features import FeatureCache
from classifier.common import params
from classifier.dataset import manifest
from classifier.images import augmentation
from classifier.inference import base, engine
from stages.extract import images
from stages.extract.forward import FeatureExtractor
from stages.extract.params import Params
from stages.extract.threads import Threads
info = base.read_info(base.FOLDER)
settings = params.load("extract", Params)
decode = partial(images.decode_views, height=299, width=299, ranges=settings)
identity = fingerprint.of_features(base.files_hash(base.FOLDER), engine.runtime(info.engine))
extractor = FeatureExtractor(Threads(base.FOLDER, identity, decode, 32, 0), None, done)
def work():
    shutil.rmtree("cache", ignore_errors=True)
    cache = FeatureCache(Path("cache"), identity, info.feature_shape, info.dtype, "")
    extractor.cache = cache
    rows = manifest.iter_rows(manifest.PATH)
    views = list(augmentation.all_views(rows, settings, fingerprint.of_augmentation(settings)))
    extractor.compute_missing(views, len(paths))
    cache.close()
measure(work)
"""
KERAS = """
import keras, tensorflow as tf
network = keras.applications.InceptionV3(include_top=False, weights=None, pooling="avg")
network.load_weights(weights)
class First(keras.callbacks.Callback):
    def on_predict_batch_end(self, batch, logs=None):
        done()
"""
PREDICT = (
    KERAS
    + """
images = keras.utils.image_dataset_from_directory(
    folder / "input", labels=None, image_size=(299, 299), batch_size=32, shuffle=False
)
images = images.map(keras.applications.inception_v3.preprocess_input)
if sys.argv[3:] == ["no wait"]:
    options = tf.data.Options()
    options.autotune.enabled = False
    images = images.with_options(options)
measure(lambda: network.predict(images, verbose=0, callbacks=[First()]))
"""
)
SCRIPT = (
    KERAS
    + """
generator = tf.keras.preprocessing.image.ImageDataGenerator(rescale=1 / 255)
def work():
    flow = generator.flow_from_directory(
        folder / "input", target_size=(299, 299), batch_size=4, class_mode=None, shuffle=False
    )
    network.predict(flow, verbose=0, callbacks=[First()])
measure(work)
"""
)
ONNX = """
import onnxruntime
from classifier.common import parallel
from classifier.images.decode import decode_image
session = onnxruntime.InferenceSession(weights.replace(".h5", ".onnx"))
(name,) = [value.name for value in session.get_inputs()]
def decoded(path):
    return decode_image(path.read_bytes(), 299, 299).pixels
def work():
    for batch in parallel.batched(parallel.prefetch_map(decoded, paths, 2, 40), 32):
        session.run(None, {name: np.stack(batch) / np.float32(127.5) - 1})
        done()
measure(work)
"""
TO_ONNX = (
    KERAS
    + """
import tf2onnx
shape = [tf.TensorSpec((None, 299, 299, 3), tf.float32)]
run = tf.function(lambda pixels: network(pixels, training=False))
model, _ = tf2onnx.convert.from_function(run, input_signature=shape, opset=18)
Path(weights.replace(".h5", ".onnx")).write_bytes(model.SerializeToString())
"""
)
CONTENDERS = {
    "keras predict": (PREDICT, []),
    "keras predict, no wait": (PREDICT, ["no wait"]),
    "2017 generator, batch 4": (SCRIPT, []),
    "onnx runtime float32": (ONNX, []),
    "this pipeline, float32": (PIPELINE, []),
    "this pipeline, int8": (PIPELINE, []),
}
HEADING = (
    "| | images/s, warm | / keras predict | / keras predict, no wait | images/s, cold | "
    "s to first features | peak MB |\n" + "|---" * 7 + "|"
)


def run(folder: Path, code: str, *arguments: str) -> dict[str, float]:
    """Runs a contender in a process of its own and returns what it measured."""
    env = {**os.environ, "STARTED": str(time.time()), "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = (sys.executable, "-c", COMMON + code + peak.CODE, str(folder), *arguments)
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    *lines, peak_mb = done.stdout.splitlines()
    result = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
    return {**result, "peak": float(peak_mb)}


def projects(work: Path, images: Path, weights: Path) -> dict[str, Path]:
    """Returns the folder each contender runs in, with a pipeline frozen in its precision."""
    folders = {}
    for precision in ("float32", "int8"):
        folder = work / precision
        changes = {"fetch.weights": str(weights), "freeze.precision": precision}
        prepare(folder, images, {**changes, "freeze.engine": "openvino"})
        for stage in ("validate", "fetch", "freeze"):
            command = [sys.executable, "-m", f"stages.{stage}"]
            subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        folders[precision] = folder
    return {name: folders["int8" if "int8" in name else "float32"] for name in CONTENDERS}


MATRICES = """
import json, sys, time
import numpy as np
from classifier.inference.openvino_engine import EXACT, openvino
ov = openvino()
from openvino import opset13 as op

def rate(network, shape):
    compiled = ov.Core().compile_model(network, "CPU", EXACT)
    queue = ov.AsyncInferQueue(compiled)
    data = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    best = 0.0
    for _ in range(4):
        started = time.perf_counter()
        for _ in range(16):
            queue.start_async([data])
        queue.wait_all()
        best = max(best, 16 / (time.perf_counter() - started))
    del queue
    return best

def product(size, int8):
    rng = np.random.default_rng(0)
    x = op.parameter((size, size), np.float32)
    weights = op.constant(rng.standard_normal((size, size)).astype(np.float32))
    if int8:
        bounds = [np.float32(v) for v in (-4, 4, -4, 4)]
        quantized = [op.fake_quantize(x, *bounds, 256), op.fake_quantize(weights, *bounds, 255)]
    else:
        quantized = [x, weights]
    return ov.Model([op.matmul(*quantized, False, True)], [x])

peaks = {}
for int8 in (False, True):
    peaks["int8" if int8 else "float32"] = max(
        rate(product(size, int8), (size, size)) * 2 * size**3 / 1e9 for size in (1024, 1536, 2048)
    )
print(json.dumps(peaks))
"""
ALONE = """
from classifier.common import parallel
from classifier.inference import base, engine
network = engine.load(base.FOLDER)
batch = np.random.default_rng(0).integers(0, 256, (8, 299, 299, 3), np.uint8)
def work():
    run = lambda n: network.features(batch)
    for _ in parallel.prefetch_map(run, range(32), network.concurrency, 4):
        done()
work()
rates = []
for _ in range(3):
    started = time.perf_counter()
    work()
    rates.append(32 * 8 / (time.perf_counter() - started))
print(json.dumps({"alone": max(rates)}))
"""


def print_shares(folders: dict[str, Path]) -> None:
    """Prints what share of the matrix product rate the network reaches; the best of 5 each."""
    peaks: dict[str, float] = {}
    rates: dict[str, float] = {}
    for _ in range(5):
        products = run(folders["this pipeline, int8"], MATRICES, "")
        for precision in ("float32", "int8"):
            images = run(folders[f"this pipeline, {precision}"], ALONE, "")["alone"]
            peaks[precision] = max(peaks.get(precision, 0), products[precision])
            rates[precision] = max(rates.get(precision, 0), images * GFLOP)
    print("\n| precision | matrix product GFLOP/s | network GFLOP/s | share |\n|---|---|---|---|")
    for precision, peak_rate in peaks.items():
        rate = rates[precision]
        print(
            f"| {precision} | {peak_rate:.0f} | {rate:.0f} | {rate / peak_rate:.2f} |", flush=True
        )


def medians(results: dict[str, list[dict[str, float]]]) -> list[dict[str, object]]:
    """Prints and returns the medians of the rounds."""
    middle = {
        name: {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}
        for name, rounds in results.items()
    }
    print(HEADING)
    rows: list[dict[str, object]] = []
    for name, one in middle.items():
        ratio, ratio_no_wait = (
            one["warm"] / middle[f"keras predict{end}"]["warm"] for end in ("", ", no wait")
        )
        print(
            f"| {name} | {one['warm']:.1f} | {ratio:.2f} | {ratio_no_wait:.2f} "
            f"| {one['cold']:.1f} | {one['first']:.1f} | {one['peak']:.0f} |",
            flush=True,
        )
        rows.append(
            {
                "name": name,
                "images_per_second": one["warm"],
                "ratio": ratio,
                "ratio_no_wait": ratio_no_wait,
                "images_per_second_cold": one["cold"],
                "seconds_to_first": one["first"],
                "peak_mb": one["peak"],
            }
        )
    return rows


def main() -> None:
    """Measures every contender."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        weights = shutil.copy(args.weights, Path(name) / "weights.h5")
        folders = projects(Path(name), args.images, weights)
        contenders = dict(CONTENDERS)
        try:
            run(folders["keras predict"], TO_ONNX, str(weights))
        except SystemExit as error:
            print(f"without ONNX Runtime: {str(error).splitlines()[-1]}")
            del contenders["onnx runtime float32"]
        results: dict[str, list[dict[str, float]]] = {one: [] for one in contenders}
        for _ in range(args.rounds):
            for one, (code, extra) in contenders.items():
                results[one].append(run(folders[one], code, str(weights), *extra))
        rows = medians(results) if args.rounds else []
        print_shares(folders)
    if args.json:
        args.json.write_text(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
