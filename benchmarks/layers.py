"""What several layers cost: images per second, and bytes on disk.

    python -m benchmarks.layers --images DIR --weights FILE.h5 [--layers mixed10 mixed8,mixed10 ...]
        [--rounds 3] [--json FILE]

All images in DIR/train and DIR/test go through InceptionV3 (299x299, int8) once for each list of
layers, from files to the cache, and random pixels through the network alone. Each measurement runs
in a process of its own; rounds are interleaved and medians printed. Bytes are those of the cache
and of results/features_*, per image.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.extract import ALONE, PIPELINE, run
from benchmarks.pipeline import prepare
from classifier.dataset import features
from classifier.inference import base

DEFAULT = ("mixed8", "mixed10", "mixed8,mixed10", ",".join(base.LAYERS))
HEADING = (
    "| layers | features | images/s | of the network alone | bytes/image, cache | in results |\n"
    + "|---" * 6
    + "|"
)
ROW = (
    "| {layers} | {features} | {images_per_second:.1f} | {alone:.1f} | {cache:,.0f} "
    "| {results:,.0f} |"
)


def stage(folder: Path, name: str) -> None:
    """Runs a stage in a project."""
    command = [sys.executable, "-m", f"stages.{name}"]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)


def bytes_on_disk(folder: Path) -> dict[str, float]:
    """Returns the bytes per image of the features in the cache and in results/."""
    stage(folder, "extract")
    outputs = [folder / path for path in (features.TRAIN, features.TEST)]
    count = sum(len(features.read(path).labels) for path in outputs)
    cached = (folder / ".cache" / "features").iterdir()
    return {
        "cache": sum(path.stat().st_size for path in cached) / count,
        "results": sum(p.stat().st_size for path in outputs for p in path.iterdir()) / count,
    }


def freeze(folder: Path, args: argparse.Namespace, layers: str) -> None:
    """Copies the pipeline to a folder and runs all before `extract`."""
    weights = str(args.weights.resolve())
    changes = {"fetch.weights": weights, "freeze.layers": layers.split(",")}
    prepare(folder, args.images, changes)
    for one in ("validate", "fetch", "freeze"):
        stage(folder, one)


def measure(folders: dict[str, Path], rounds: int) -> Iterator[dict[str, object]]:
    """Yields the row of each list of layers."""
    rates = [
        (layers, run(folder, PIPELINE, "")["warm"], run(folder, ALONE, "")["alone"])
        for _ in range(rounds)
        for layers, folder in folders.items()
    ]
    for layers, folder in folders.items():
        _, all_, alone = zip(*(one for one in rates if one[0] == layers), strict=True)
        yield {
            "layers": layers,
            "features": sum(base.read_info(folder / base.FOLDER).layer_sizes),
            "images_per_second": statistics.median(all_),
            "alone": statistics.median(alone),
            **bytes_on_disk(folder),
        }


def main() -> None:
    """Measures every list of layers."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--layers", nargs="+", default=DEFAULT)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folders = {layers: Path(name) / layers for layers in args.layers}
        for layers, folder in folders.items():
            freeze(folder, args, layers)
        print(HEADING)
        for row in measure(folders, args.rounds):
            print(ROW.format(**row), flush=True)
            rows.append(row)
    if args.json:
        args.json.write_text(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
