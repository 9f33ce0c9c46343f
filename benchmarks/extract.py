"""From files to features: ours against what a Keras user writes, the 2017 script and ONNX Runtime.

    python -m benchmarks.extract --images DIR --weights FILE.h5 [--rounds 3] [--json FILE]

All images below DIR/train and DIR/test go through InceptionV3 (mixed10, averaged, 299x299). Each
contender is a process of its own, started anew in every round, the rounds interleaved, the median
shown (0 rounds: the last table alone). It goes twice over all images: cold, from the start of
the process to its first features and to its last, and then warm. Ours decodes, checks every hash
and writes the image store in both.
`keras predict` is measured as a user gets it and with the wait of tf.data's autotuner taken out.
Last: the network alone, as a share of what the machine's matrix products reach in that precision.
ONNX Runtime is measured where `pip install onnxruntime tf2onnx onnx` was run.
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

GFLOP = 11.42  # of InceptionV3 for an image of 299x299
COMMON = """
import json, os, sys, time
from pathlib import Path
import numpy as np
folder, weights = Path(sys.argv[1]), sys.argv[2]
paths = sorted((folder / "input").rglob("*.jpg"))
first = []
def done(count=1):
    first.append(time.time() - float(os.environ["STARTED"]))
def told(work):
    work()
    cold = time.time() - float(os.environ["STARTED"])
    started = time.perf_counter()
    work()
    warm = len(paths) / (time.perf_counter() - started)
    print(json.dumps({"first": first[0], "cold": len(paths) / cold, "warm": warm}))
"""
OURS = """
import shutil
from functools import partial
from stages import base, engine, extract, manifest, params, rows, views
from stages.averaging import Averaging
from stages.forward import Forward
about = base.read_about(base.FOLDER)
settings = params.load("extract", extract.Params)
decode = partial(extract.pixels, height=299, width=299, alterations=settings)
passes = Forward(base.FOLDER, 32, None, decode)
class Kept(rows.Rows):
    def put(self, keys, vectors):
        super().put(keys, vectors)
        done()
def work():
    shutil.rmtree("store", ignore_errors=True)
    print_ = engine.fingerprint(base.FOLDER)
    passes._kept = Kept(Path("store"), print_, about.feature_shape, about.dtype, "")
    table = views.of(manifest.stream(manifest.PATH), settings, Averaging(1))
    passes.fill(list(table), len(paths))
told(work)
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
told(lambda: network.predict(images, verbose=0, callbacks=[First()]))
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
told(work)
"""
)
ONNX = """
import onnxruntime
from stages import images, progress
session = onnxruntime.InferenceSession(weights.replace(".h5", ".onnx"))
(name,) = [put.name for put in session.get_inputs()]
def decoded(path):
    return images.decode(path.read_bytes(), 299, 299).pixels
def work():
    for group in progress.groups(progress.ahead(decoded, paths, 2, 40), 32):
        session.run(None, {name: np.stack(group) / np.float32(127.5) - 1})
        done()
told(work)
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
    "ours float32": (OURS, []),
    "ours int8": (OURS, []),
}
HEADING = (
    "| | images/s, warm | to keras predict | the same without its wait | images/s, cold | "
    "s to the first | peak MB |\n" + "|---" * 7 + "|"
)


def run(folder: Path, code: str, *arguments: str) -> dict[str, float]:
    """Runs a contender in a process of its own and returns what it measured."""
    env = {**os.environ, "STARTED": str(time.time()), "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = (sys.executable, "-c", COMMON + code + peak.CODE, str(folder), *arguments)
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    *said, most = done.stdout.splitlines()
    found = json.loads(said[-1]) if said and said[-1].startswith("{") else {}
    return {**found, "peak": float(most)}


def projects(work: Path, images: Path, weights: Path) -> dict[str, Path]:
    """Returns a pipeline, frozen in each precision, by the names of the contenders."""
    found = {}
    for precision in ("float32", "int8"):
        folder = work / precision
        changes = {"fetch.weights": str(weights), "freeze.precision": precision}
        prepare(folder, images, {**changes, "freeze.engine": "openvino"})
        for stage in ("validate", "fetch", "freeze"):
            command = [sys.executable, "-m", f"stages.{stage}"]
            subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        found[precision] = folder
    return {name: found["int8" if "int8" in name else "float32"] for name in CONTENDERS}


MATRICES = """
import json, sys, time
import numpy as np
from stages.openvino_engine import EXACT, openvino
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
    at = op.parameter((size, size), np.float32)
    weights = op.constant(rng.standard_normal((size, size)).astype(np.float32))
    if int8:
        bounds = [np.float32(v) for v in (-4, 4, -4, 4)]
        quantized = [op.fake_quantize(at, *bounds, 256), op.fake_quantize(weights, *bounds, 255)]
    else:
        quantized = [at, weights]
    return ov.Model([op.matmul(*quantized, False, True)], [at])

peaks = {}
for int8 in (False, True):
    peaks["int8" if int8 else "float32"] = max(
        rate(product(size, int8), (size, size)) * 2 * size**3 / 1e9 for size in (1024, 1536, 2048)
    )
print(json.dumps(peaks))
"""
ALONE = """
from stages import base, engine, progress
network = engine.load(base.FOLDER)
batch = np.random.default_rng(0).integers(0, 256, (8, 299, 299, 3), np.uint8)
def work():
    for _ in progress.ahead(lambda n: network.features(batch), range(32), network.concurrency, 4):
        done()
work()
rates = []
for _ in range(3):
    started = time.perf_counter()
    work()
    rates.append(32 * 8 / (time.perf_counter() - started))
print(json.dumps({"alone": max(rates)}))
"""


def shares(folders: dict[str, Path]) -> None:
    """Prints what share of the machine's matrix products the network reaches: bests of 5."""
    peaks: dict[str, float] = {}
    reached: dict[str, float] = {}
    for _ in range(5):
        found = run(folders["ours int8"], MATRICES, "")
        for precision in ("float32", "int8"):
            alone = run(folders[f"ours {precision}"], ALONE, "")["alone"] * GFLOP
            peaks[precision] = max(peaks.get(precision, 0), found[precision])
            reached[precision] = max(reached.get(precision, 0), alone)
    print("\n| precision | matrix peak GFLOP/s | network GFLOP/s | share |\n|---|---|---|---|")
    for precision in ("float32", "int8"):
        most, alone = peaks[precision], reached[precision]
        print(f"| {precision} | {most:.0f} | {alone:.0f} | {alone / most:.2f} |", flush=True)


def main() -> None:
    """Measures every contender."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        weights = shutil.copy(arguments.weights, Path(name) / "weights.h5")
        folders = projects(Path(name), arguments.images, weights)
        contenders = dict(CONTENDERS)
        try:
            run(folders["keras predict"], TO_ONNX, str(weights))
        except SystemExit as error:
            print(f"onnx runtime is left out: {str(error).splitlines()[-1]}")
            del contenders["onnx runtime float32"]
        found: dict[str, list[dict[str, float]]] = {one: [] for one in contenders}
        for _ in range(arguments.rounds):
            for one, (code, extra) in contenders.items():
                found[one].append(run(folders[one], code, str(weights), *extra))
        rows = table(found) if arguments.rounds else []
        shares(folders)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2))


def table(found: dict[str, list[dict[str, float]]]) -> list[dict[str, object]]:
    """Prints and returns the medians."""
    middle = {
        name: {key: statistics.median(one[key] for one in some) for key in some[0]}
        for name, some in found.items()
    }
    print(HEADING)
    rows = []
    for name, one in middle.items():
        ratios = [one["warm"] / middle[f"keras predict{end}"]["warm"] for end in ("", ", no wait")]
        cells = (*(f"{ratio:.2f}" for ratio in ratios), f"{one['cold']:.1f}")
        print(f"| {name} | {one['warm']:.1f} | {' | '.join(cells)} | {one['first']:.1f} | ", end="")
        print(f"{one['peak']:.0f} |", flush=True)
        rows.append(
            {
                "name": name,
                "images_per_second": one["warm"],
                "ratio": ratios[0],
                "ratio_no_wait": ratios[1],
                "images_per_second_cold": one["cold"],
                "seconds_to_first": one["first"],
                "peak_mb": one["peak"],
            }
        )
    return rows


if __name__ == "__main__":
    main()
