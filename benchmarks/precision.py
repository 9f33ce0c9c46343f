"""What int8 costs in accuracy, on datasets with known classes.

    python -m benchmarks.precision --weights FILE.h5 --images DIR [DIR ...]
        [--layers mixed10 mixed8] [--json FILE]

Each DIR holds train/<class>/* and test/<class>/*. Printed for its test images: the mean cosine
similarity between int8 and float32 features, and the number that scikit-learn's logistic
regression classifies correctly (features centred, the best of C = 0.01, 0.1, 1, 10): trained and
tested in float32, in int8, and trained in float32 but tested in int8.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from classifier.backbone import inception
from classifier.common import parallel
from classifier.images import decode
from classifier.inference import engine
from classifier.inference.engine import Engine
from stages import freeze

SIZE = 299
HEADING = (
    "| dataset | layers | test images | cosine | correct in float32 | in int8 | "
    "trained in float32, tested in int8 |\n" + "|---" * 7 + "|"
)


def frozen(weights: Path, folder: Path, layers: str, precision: str) -> Engine:
    """Returns InceptionV3 up to a layer, in a precision, on OpenVINO."""
    settings = freeze.Params(layers.split(","), "avg", SIZE, SIZE, "openvino", precision)
    model, upper = inception.load(weights, settings)
    folder.mkdir()
    freeze.write(model, upper, folder, freeze.base_info(settings, model, ""))
    return engine.load(folder)


def features(network: Engine, paths: list[Path]) -> np.ndarray:
    """Returns the features of images, (N, D)."""
    decoded = parallel.prefetch_map(
        lambda path: decode.decode_image(path.read_bytes(), SIZE, SIZE).pixels[None], paths, 2, 8
    )
    return np.concatenate(
        list(parallel.prefetch_map(network.features, decoded, network.concurrency, 4))
    )


def predictions(train: np.ndarray, labels: np.ndarray, *tests: np.ndarray) -> list[np.ndarray]:
    """Returns the classes that logistic regression predicts for each of `tests`, (C, N) by C."""
    mean = train.mean(axis=0)
    models = [LogisticRegression(C=c, max_iter=5000) for c in (0.01, 0.1, 1, 10)]
    for model in models:
        model.fit(train - mean, labels)
    return [np.stack([model.predict(test - mean) for model in models]) for test in tests]


def best(predicted: np.ndarray, labels: np.ndarray) -> int:
    """Returns the number of correct predictions with the best C."""
    return int((predicted == labels).sum(axis=1).max())


def measure(images: Path, exact: Engine, fast: Engine) -> dict[str, object]:
    """Returns a dataset's row of the table."""
    paths = {split: sorted((images / split).rglob("*.jpg")) for split in ("train", "test")}
    labels = {split: np.array([p.parent.name for p in some]) for split, some in paths.items()}
    float32, int8 = (
        {split: features(network, some) for split, some in paths.items()}
        for network in (exact, fast)
    )
    a, b = float32["test"], int8["test"]
    in_float32, mixed = predictions(float32["train"], labels["train"], a, b)
    (in_int8,) = predictions(int8["train"], labels["train"], b)
    return {
        "dataset": images.name,
        "test": len(a),
        "cosine": float(freeze.cosines(a, b).mean()),
        "float32": best(in_float32, labels["test"]),
        "int8": best(in_int8, labels["test"]),
        "mixed": best(mixed, labels["test"]),
    }


def run(args: argparse.Namespace) -> Iterator[dict[str, object]]:
    """Yields the rows of the table."""
    for layers in args.layers:
        with tempfile.TemporaryDirectory() as name:
            networks = [
                frozen(args.weights, Path(name) / precision, layers, precision)
                for precision in ("float32", "int8")
            ]
            for images in args.images:
                yield {"layers": layers, **measure(images, *networks)}


def main() -> None:
    """Measures every dataset with every list of layers."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=Path, nargs="+", required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--layers", nargs="+", default=["mixed10", "mixed8"])
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    print(HEADING)
    rows = []
    for row in run(args):
        rows.append(row)
        cells = (row["dataset"], row["layers"], row["test"], f"{row['cosine']:.4f}")
        print(f"| {' | '.join(map(str, (*cells, *list(row.values())[4:])))} |", flush=True)
    if args.json:
        args.json.write_text(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
