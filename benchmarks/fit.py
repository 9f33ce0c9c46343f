"""Seconds per epoch of the head on features in memory: Keras's `fit` and ours.

    python -m benchmarks.fit [--count 5000] [--rounds 5]

Dense(1024), dropout, Dense(10) on (count, 2048) random numbers, adam. All in one process, warm,
rounds interleaved, medians. Keras's `fit` is measured as a user gets it, and without the wait of
tf.data's autotuner.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

from stages.train import stage as train
from stages.train import training_loop
from stages.train.training_loop import Examples, TrainingConfig

SIZES = (32, 256)


def keras_fit(data: Examples, size: int, quiet: bool) -> Callable[[], None]:
    """Returns an epoch of Keras's own `fit`."""
    from classifier.inference.keras_backend import keras, tf

    keras.utils.set_random_seed(1)
    model = network()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    pairs = tf.data.Dataset.from_tensor_slices((np.asarray(data.features), data.labels))
    pairs = pairs.shuffle(len(data.labels)).batch(size)
    if quiet:
        options = tf.data.Options()
        options.autotune.enabled = False
        pairs = pairs.with_options(options)
    return lambda: model.fit(pairs, epochs=1, verbose=0) and None


def ours(data: Examples, size: int) -> Callable[[], None]:
    """Returns ten epochs of ours."""
    from classifier.inference.keras_backend import keras

    keras.utils.set_random_seed(1)
    model = network()
    plan = TrainingConfig("adam", 0.001, size, 10, 10, None, 1)
    return lambda: training_loop.fit(model, data, plan) and None


def network():  # type: ignore[no-untyped-def]
    """Returns the untrained head."""
    from classifier.common import params

    return train.network(2048, 10, params.load("train", train.Params))


def main() -> None:
    """Measures every contender."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    features = rng.standard_normal((arguments.count, 2048), np.float32)
    data = Examples.of(features, rng.integers(0, 10, arguments.count).astype(np.int32))
    contenders: dict[str, tuple[Callable[[], None], int]] = {}
    for size in SIZES:
        contenders[f"Keras fit, {size}"] = keras_fit(data, size, quiet=False), 1
        contenders[f"Keras fit, {size}, autotuner off"] = keras_fit(data, size, quiet=True), 1
        contenders[f"ours, {size}"] = ours(data, size), 10
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(arguments.rounds + 1):
        for name, (epochs, count) in contenders.items():
            started = time.perf_counter()
            epochs()
            if number:  # the first builds the graph
                seconds[name].append((time.perf_counter() - started) / count)
    print("| | s an epoch | range |\n|---|---|---|")
    for name, found in seconds.items():
        print(f"| {name} | {statistics.median(found):.3f} | {min(found):.3f}-{max(found):.3f} |")


if __name__ == "__main__":
    main()
