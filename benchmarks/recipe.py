"""The 2017 recipe, seconds per epoch: every image through the whole network, and from the cache.

    python -m benchmarks.recipe --images DIR --weights FILE.h5 [--size 128] [--rounds 3]
        [--json FILE]

DIR holds train/<class>/*. `2017` is the original recipe in today's Keras: images from folders,
augmented in every epoch, through all of InceptionV3 in every step; phase 1 trains a new head with
rmsprop, phase 2 the head and the layers from 249 on with SGD(1e-4, momentum 0.9), 4 images per
step. `ours` is presets/recipe-2017.yaml. The time of an epoch is that of a long run minus that of a
short one, which cancels start-up. Rounds are interleaved, medians shown. Neither side trains on the
validation images (a fifth); only ours evaluates them after each epoch.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from benchmarks.pipeline import ROOT, prepare
from classifier.dataset import split

RECIPE = yaml.safe_load((ROOT / "presets" / "recipe-2017.yaml").read_text(encoding="utf-8"))
EPOCHS = {1: 2, 2: 100}  # of the recipe, by phase
SCRIPT = """
import json, sys, time
from pathlib import Path
import keras
import tensorflow as tf
folder, weights, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
generator = tf.keras.preprocessing.image.ImageDataGenerator(
    rescale=1 / 255, rotation_range=40, width_shift_range=0.2, height_shift_range=0.2,
    shear_range=0.2, zoom_range=0.2, horizontal_flip=True, fill_mode="nearest",
)
flow = generator.flow_from_directory(folder, target_size=(size, size), batch_size=4)
base = keras.applications.InceptionV3(include_top=False, weights=None)
base.load_weights(weights)
x = keras.layers.GlobalAveragePooling2D()(base.output)
x = keras.layers.Dense(1024, activation="relu")(x)
model = keras.Model(base.input, keras.layers.Dense(flow.num_classes, activation="softmax")(x))
seconds = []
class Clock(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter()
    def on_epoch_end(self, epoch, logs=None):
        seconds.append(time.perf_counter() - self.started)
def phase(optimizer):
    seconds.clear()
    model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
    model.fit(flow, epochs=2, verbose=0, callbacks=[Clock()])
    return seconds[1]  # the first includes building the graph
base.trainable = False
result = {"1": phase("rmsprop")}
base.trainable = True
for layer in model.layers[:249]:
    layer.trainable = False
result["2"] = phase(keras.optimizers.SGD(1e-4, momentum=0.9))
print(json.dumps(result))
"""


def stage(folder: Path, name: str) -> float:
    """Runs a stage and returns its seconds."""
    started = time.perf_counter()
    command = [sys.executable, "-m", f"stages.{name}"]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def train(folder: Path, **changes: object) -> float:
    """Returns the seconds of `train` with params changed, without early stopping and refit."""
    path = folder / "params.yaml"
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    document["train"] |= {"refit": False, "patience": 10_000, "fine_tune_patience": 10_000}
    document["train"] |= changes
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return stage(folder, "train")


def ours(folder: Path) -> dict[str, float]:
    """Returns seconds per epoch of each phase."""
    head_1 = train(folder, epochs=1, fine_tune_epochs=0)
    head_31 = train(folder, epochs=31, fine_tune_epochs=0)
    tuned_1 = train(folder, epochs=1, fine_tune_epochs=1)
    tuned_6 = train(folder, epochs=1, fine_tune_epochs=6)
    return {"1": (head_31 - head_1) / 30, "2": (tuned_6 - tuned_1) / 5}


def script(folder: Path, weights: Path, size: int) -> dict[str, float]:
    """Returns seconds per epoch of each phase of the 2017 recipe."""
    command = [sys.executable, "-c", SCRIPT, str(folder / "trained"), str(weights), str(size)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return seconds


def link_training_images(folder: Path) -> None:
    """Links the images that ours trains on into a folder for the script."""
    for path, name in split.read(folder / split.PATH).items():
        if name == split.TRAIN:
            place = folder / "trained" / Path(path).relative_to("input/train")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to((folder / path).resolve())


def main() -> None:
    """Measures both, and prints seconds per epoch and of the whole recipe."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    weights = args.weights.resolve()
    recipe = {f"{part}.{key}": v for part, values in RECIPE.items() for key, v in values.items()}
    size = {"freeze.image_height": args.size, "freeze.image_width": args.size}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "ours"
        changes = {**recipe, "fetch.weights": str(weights), **size}
        prepare(folder, args.images, changes)
        for name in ("validate", "fetch", "freeze"):
            stage(folder, name)
        print(f"extract, 1 + {RECIPE['extract']['augmented_copies']} views: ", end="")
        print(f"{stage(folder, 'extract'):.1f} s, once", flush=True)
        stage(folder, "inspect")
        train(folder, epochs=1, fine_tune_epochs=0)
        link_training_images(folder)
        seconds: dict[str, list[dict[str, float]]] = {"2017": [], "ours": []}
        for _ in range(args.rounds):
            seconds["2017"].append(script(folder, weights, args.size))
            seconds["ours"].append(ours(folder))
    rows = table(seconds)
    if args.json:
        args.json.write_text(json.dumps(rows, indent=2))


def table(seconds: dict[str, list[dict[str, float]]]) -> list[dict[str, object]]:
    """Prints and returns the medians."""
    print("| | s per epoch | ratio | epochs | total s |\n|---|---|---|---|---|")
    rows: list[dict[str, object]] = []
    for phase, epochs in EPOCHS.items():
        medians = {
            side: statistics.median(one[str(phase)] for one in rounds)
            for side, rounds in seconds.items()
        }
        for side, median in medians.items():
            ratio = medians["2017"] / median
            name = f"{side} phase {phase}"
            print(f"| {name} | {median:.3f} | {ratio:.1f} | {epochs} | {median * epochs:.1f} |")
            rows.append({"name": name, "seconds_per_epoch": median, "ratio": ratio})
    return rows


if __name__ == "__main__":
    main()
