"""What int8 costs in accuracy, on sets of images with known classes.

    python -m benchmarks.precision --weights FILE.h5 --images DIR [DIR ...] [--cut mixed10 mixed8]

Each DIR holds train/<class>/* and test/<class>/*. Told are, on its test images: the mean cosine
between int8 and float32 features, and how many scikit-learn's logistic regression names rightly
(features centred, the best of C = 0.01, 0.1, 1, 10): learned and used in float32, in int8, and
learned in float32 but used in int8.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from classifier.common import parallel
from classifier.images import decode
from classifier.inference import engine
from classifier.inference.engine import Engine
from stages import freeze

SIZE = 299
HEADING = (
    "| set | cut | test images | cosine | right in float32 | in int8 | "
    "learned in float32, used in int8 |\n" + "|---" * 7 + "|"
)


def frozen(weights: Path, folder: Path, cut: str, precision: str) -> Engine:
    """Returns InceptionV3 up to a cut, in a precision, on OpenVINO."""
    settings = freeze.Params(cut, "avg", SIZE, SIZE, "openvino", precision)
    model, _ = freeze.inception(weights, settings)
    folder.mkdir()
    about = freeze.describe(settings, model, "")
    freeze.write(freeze.fold_batch_norm(model), folder, about)
    return engine.load(folder)


def features(network: Engine, paths: list[Path]) -> np.ndarray:
    """Returns the features of images, (N, D)."""
    decoded = parallel.prefetch_map(
        lambda path: decode.decode_image(path.read_bytes(), SIZE, SIZE).pixels[None], paths, 2, 8
    )
    return np.concatenate(
        list(parallel.prefetch_map(network.features, decoded, network.concurrency, 4))
    )


def right(train: np.ndarray, labels: np.ndarray, *tests: np.ndarray) -> list[np.ndarray]:
    """Returns the classes that logistic regression gives each of `tests`, by its C, (C, N)."""
    mean = train.mean(axis=0)
    models = [LogisticRegression(C=c, max_iter=5000) for c in (0.01, 0.1, 1, 10)]
    for model in models:
        model.fit(train - mean, labels)
    return [np.stack([model.predict(test - mean) for model in models]) for test in tests]


def best(predicted: np.ndarray, labels: np.ndarray) -> int:
    """Returns how many images the best C names rightly."""
    return int((predicted == labels).sum(axis=1).max())


def measure(images: Path, exact: Engine, fast: Engine) -> dict[str, object]:
    """Returns a set's row of the table."""
    paths = {part: sorted((images / part).rglob("*.jpg")) for part in ("train", "test")}
    labels = {part: np.array([p.parent.name for p in some]) for part, some in paths.items()}
    in_float, in_int = (
        {part: features(network, some) for part, some in paths.items()} for network in (exact, fast)
    )
    one, other = in_float["test"], in_int["test"]
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    plain, mixed = right(in_float["train"], labels["train"], one, other)
    (quick,) = right(in_int["train"], labels["train"], other)
    return {
        "set": images.name,
        "test": len(one),
        "cosine": float(((one * other).sum(axis=1) / lengths).mean()),
        "float32": best(plain, labels["test"]),
        "int8": best(quick, labels["test"]),
        "mixed": best(mixed, labels["test"]),
    }


def run(arguments: argparse.Namespace) -> Iterator[dict[str, object]]:
    """Yields the rows of the table."""
    for cut in arguments.cut:
        with tempfile.TemporaryDirectory() as name:
            networks = [
                frozen(arguments.weights, Path(name) / precision, cut, precision)
                for precision in ("float32", "int8")
            ]
            for images in arguments.images:
                yield {"cut": cut, **measure(images, *networks)}


def main() -> None:
    """Measures every set with every cut."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=Path, nargs="+", required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--cut", nargs="+", default=["mixed10", "mixed8"])
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    print(HEADING)
    found = []
    for one in run(arguments):
        found.append(one)
        cells = (one["set"], one["cut"], one["test"], f"{one['cosine']:.4f}")
        counts = (one["float32"], one["int8"], one["mixed"])
        print(f"| {' | '.join(map(str, (*cells, *counts)))} |", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
