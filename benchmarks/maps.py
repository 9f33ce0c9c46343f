"""Peak memory of `train` with fine-tuning on maps, for several numbers of images.

    python -m benchmarks.maps [--count 1000 10000] [--epochs 1]

Maps (of `mixed8` at 299x299, 160 KiB per image) and weights are random: memory and speed depend on
neither. One epoch of the head, one of fine-tuning, no refit.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks import peak
from benchmarks.pipeline import prepare
from classifier.dataset import excluded, feature_writer, features
from classifier.dataset.feature_writer import Part
from classifier.dataset.npz import Column

SHAPE = (8, 8, 1280)
CODE = "from stages.train import stage; stage.main()" + peak.CODE


def chunks(count: int) -> Iterator[np.ndarray]:
    """Yields the maps of `count` images, 100 at a time."""
    rng = np.random.default_rng(0)
    maps = rng.random((100, *SHAPE), np.float32).astype(np.float16)
    for start in range(0, count, 100):
        yield np.roll(maps, start, axis=-1)[: count - start]


def write(path: Path, count: int) -> None:
    """Writes results/features_train for `count` images of ten classes."""
    numbers = np.arange(count, dtype=np.int32)
    paths = [f"input/train/{number:08}.jpg".encode() for number in numbers]
    columns = {
        "features": Column(np.dtype(np.float16), (count, *SHAPE), chunks(count)),
        "labels": Column.from_array(numbers % 10),
        "sha256": Column.from_array(features.binary_hashes(f"{n:064x}" for n in numbers)),
        "paths": Column.from_array(np.array(paths)),
        "groups": Column.from_array(np.full(count, b"")),
        "splits": Column.from_array(np.full(count, b"train")),
        "views": Column.from_array(np.zeros(count, np.int32)),
    }
    constants = {
        "class_names": [f"class {number}" for number in range(10)],
        "train_views": np.zeros(1, np.int32),
        "tta_views": np.zeros(1, np.int32),
        "augmentation_id": "",
        "grey_ranges": "",
        "fingerprint": "f" * 64,
        "weights": "random",
        "layers": ["mixed8"],
        "layer_sizes": np.array(SHAPE[-1:], np.int32),
    }
    feature_writer.write(path, constants, [Part(str(count), columns)])


def main() -> None:
    """Measures each number of images."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--epochs", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "project"
        changes = {
            "fetch.weights": "random",
            "freeze.layers": ["mixed8"],
            "freeze.pooling": "none",
            "freeze.precision": "float32",
            "train.epochs": 1,
            "train.fine_tune_epochs": args.epochs,
            "train.refit": False,
        }
        prepare(folder, Path(temporary), changes)
        for stage in ("fetch", "freeze"):
            subprocess.run([sys.executable, "-m", f"stages.{stage}"], cwd=folder, check=True)
        excluded.write(folder / excluded.PATH, ())
        print("| maps | MB on disk | peak MB of train | s |\n|---|---|---|---|")
        for count in args.count:
            write(folder / features.TRAIN, count)
            size = sum(p.stat().st_size for p in (folder / features.TRAIN).iterdir()) / 1e6
            started = time.perf_counter()
            command = [sys.executable, "-c", CODE]
            done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
            seconds = time.perf_counter() - started
            peak_mb = float(done.stdout.splitlines()[-1]) * 1.048576
            print(f"| {count:,} | {size:,.0f} | {peak_mb:,.0f} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
