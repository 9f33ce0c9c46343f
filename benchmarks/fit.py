"""Seconds per epoch of training the head on features in memory: Keras's `fit` and ours.

    python -m benchmarks.fit [--count 5000] [--rounds 5]

Dense(1024), dropout, Dense(10) on (count, 2048) random numbers, adam. Medians of interleaved rounds
in one warm process. Keras's `fit` is measured with its defaults, and without tf.data's autotuner.

"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

from classifier.common import params
from stages.train import training_loop
from stages.train.heads import HEADS
from stages.train.params import Params
from stages.train.training_loop import Examples, TrainingConfig

SIZES = (32, 256)


def keras_fit(examples: Examples, size: int, autotune: bool) -> Callable[[], None]:
    """Returns an epoch of Keras's own `fit`."""
    from classifier.inference.keras_backend import keras, tf

    keras.utils.set_random_seed(1)
    model = network()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    pairs = tf.data.Dataset.from_tensor_slices((np.asarray(examples.features), examples.labels))
    pairs = pairs.shuffle(len(examples.labels)).batch(size)
    if not autotune:
        options = tf.data.Options()
        options.autotune.enabled = False
        pairs = pairs.with_options(options)
    return lambda: model.fit(pairs, epochs=1, verbose=0) and None


def our_fit(examples: Examples, size: int) -> Callable[[], None]:
    """Returns ten epochs of ours."""
    from classifier.inference.keras_backend import keras

    keras.utils.set_random_seed(1)
    model = network()
    config = TrainingConfig("adam", 0.001, size, 10, 10, None, 1)
    return lambda: training_loop.fit(model, examples, config) and None


def network():  # type: ignore[no-untyped-def]
    """Returns the untrained head."""
    return HEADS["dense"](2048, 10, params.load("train", Params))


def main() -> None:
    """Measures every contender."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    features = rng.standard_normal((args.count, 2048), np.float32)
    examples = Examples.without_views(features, rng.integers(0, 10, args.count).astype(np.int32))
    contenders: dict[str, tuple[Callable[[], None], int]] = {}
    for size in SIZES:
        contenders[f"Keras fit, {size}"] = keras_fit(examples, size, autotune=True), 1
        contenders[f"Keras fit, {size}, autotuner off"] = (
            keras_fit(examples, size, autotune=False),
            1,
        )
        contenders[f"ours, {size}"] = our_fit(examples, size), 10
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for round_number in range(args.rounds + 1):
        for name, (run, epochs) in contenders.items():
            started = time.perf_counter()
            run()
            if round_number:  # the first builds the graph
                seconds[name].append((time.perf_counter() - started) / epochs)
    print("| | s per epoch | range |\n|---|---|---|")
    for name, times in seconds.items():
        print(f"| {name} | {statistics.median(times):.3f} | {min(times):.3f}-{max(times):.3f} |")


if __name__ == "__main__":
    main()
