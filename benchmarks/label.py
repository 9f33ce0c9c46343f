"""How few labels are enough if the classifier chooses which images are labelled.

    python -m benchmarks.label --images DIR [DIR ...] --weights FILE.h5 [--layers mixed10]
        [--strategies teaching random ...] [--head labelling train] [--seeds 5] [--json FILE]

Each DIR holds train/<class>/* and test/<class>/*, or only class folders, of which a fifth is then
set aside, another for each seed. The labels of the training images are hidden and given one by one,
in the order in which `python -m classifier label` would ask for them. Rows are means over the
seeds: the share of the labels that was given, the accuracy on the test images as a share of that
with all labels, the same of images chosen at random, and the standard error of the difference, from
image to image. `--head train` measures with the heads of stage `train` instead of the discriminant
of the labelling page; it learns from the classes with two labels or more.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from benchmarks.pipeline import prepare
from classifier.common import cores
from classifier.dataset import features
from classifier.labelling import learner
from classifier.labelling.learner import Labels
from classifier.labelling.selection import BATCH, STRATEGIES, Pool
from stages.train import draw, linear
from stages.train.cross_validation import Samples
from stages.train.units import Units

SHARES = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 1 / 3, 0.4, 0.5)
FOLDS = 5
HEADING = f"| images | strategy | {' | '.join(f'{share:.0%}' for share in SHARES)} | all |"
Data = tuple[np.ndarray, np.ndarray]  # features float32 (N, D), labels int (N,)


def read_features(images: Path, weights: Path, layers: list[str]) -> tuple[Data, Data]:
    """Returns the training and the test images; none of these if there is no folder for them."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "project"
        changes: dict[str, object] = {
            "fetch.weights": str(weights.resolve()),
            "freeze.layers": layers,
        }
        prepare(folder, images, changes)
        if not (folder / "input" / "train").is_dir():
            (folder / "input").rename(folder / "train")
            (folder / "input").mkdir()
            (folder / "train").rename(folder / "input" / "train")
        for name in ("validate", "fetch", "freeze", "extract"):
            command = [sys.executable, "-m", f"stages.{name}"]
            subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        train, test = (features.read(folder / path) for path in (features.TRAIN, features.TEST))
        known = np.flatnonzero(test.labels[:] >= 0)
        return (train.features[:], train.labels[:]), (test.features[known], test.labels[known])


def held_out(labels: np.ndarray, seed: int) -> np.ndarray:
    """Returns which images to set aside, bool (N,): a fifth of each class."""
    names = Units.of([str(number) for number in range(len(labels))])
    return draw.folds(names, labels, FOLDS, seed // FOLDS) == seed % FOLDS + 1


def order(points: np.ndarray, labels: np.ndarray, strategy: str, count: int, seed: int) -> Labels:
    """Returns the labels that are given, in this order."""
    images, none = np.zeros(0, int), np.zeros(0, int)
    while len(images) < count:
        known, classes = np.unique(labels[images], return_inverse=True)
        pool = Pool(points, Labels(images, classes, len(known)), none, seed)
        images = np.concatenate([images, STRATEGIES[strategy](pool, BATCH)])
    return Labels(images, labels[images], int(labels.max()) + 1)


def labelling_head(train: Data, rows: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Returns the predicted classes of points, by the head of the page that has learned `rows`."""
    points, labels = train
    known, classes = np.unique(labels[rows], return_inverse=True)
    layer = learner.fit_all(points, Labels(rows, classes, len(known)))
    return np.asarray(known[learner.logits(test, layer).argmax(axis=1)])


def train_head(train: Data, rows: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Returns the predicted classes of features, by the default head of stage `train`."""
    values, labels = train
    rows = rows[np.bincount(labels)[labels[rows]] > 1]
    rows = rows[np.bincount(labels[rows], minlength=labels.max() + 1)[labels[rows]] > 1]
    known, classes = np.unique(labels[rows], return_inverse=True)
    folds = draw.folds(Units.of([str(row) for row in rows]), classes, FOLDS, 1)
    ones = np.ones(len(rows), bool), np.ones(len(known))
    samples = Samples(rows[:, None], classes, folds, *ones)
    with ThreadPoolExecutor(cores.count()) as pool:
        sets = [(("all",), slice(None))]
        models = linear.MODELS[linear.auto_head(len(rows), len(known))]
        heads = linear.train(models, values, samples, sets, pool)
    head = linear.mean_branch(one.branch for one in heads)
    return np.asarray(known[head.probabilities(test.astype(np.float64)).argmax(axis=1)])


def measure(train: Data, test: Data, strategy: str, head: str, seed: int) -> np.ndarray:
    """Returns which test images are right, bool (SHARES + 1, n): for each share, and with all."""
    (values, labels), (test_values, test_labels) = train, test
    points = learner.principal_axes(np.concatenate([values, test_values]))
    own, count = points[: len(labels)], len(labels)
    given = order(own, labels, strategy, round(max(SHARES) * count), seed)
    predict: Callable[[np.ndarray], np.ndarray] = (
        (lambda rows: labelling_head((own, labels), rows, points[count:]))
        if head == "labelling"
        else (lambda rows: train_head(train, rows, test_values))
    )
    numbers = [int(share * count) for share in SHARES]
    chosen = [*(given.images[:number] for number in numbers), np.arange(count)]
    return np.array([predict(rows) == test_labels for rows in chosen])


def measure_all(train: Data, test: Data, strategy: str, head: str, seeds: int) -> np.ndarray:
    """Returns how often each test image is right, mean of the seeds, float (SHARES + 1, n)."""
    if len(test[1]):
        found = [measure(train, test, strategy, head, seed) for seed in range(seeds)]
        return np.mean(found, axis=0)
    parts = []
    for seed in range(seeds):
        aside = held_out(train[1], seed)
        own = [(train[0][rows], train[1][rows]) for rows in (~aside, aside)]
        parts.append(measure(*own, strategy, head, seed))
    return np.concatenate(parts, axis=1).astype(float)


def compare(right: np.ndarray, at_random: np.ndarray) -> list[dict[str, float]]:
    """Returns a row for each of SHARES.

    Args:
        right: float (SHARES + 1, n), how often each test image is right.
        at_random: the same with images chosen at random.
    """
    whole = float(right[-1].mean())
    errors = (right - at_random).std(axis=1) / right.shape[1] ** 0.5
    return [
        {
            "share_of_labels": share,
            "share_of_accuracy": float(right[place].mean()) / whole,
            "share_at_random": float(at_random[place].mean()) / whole,
            "standard_error": float(errors[place]) / whole,
            "accuracy_of_all_labels": whole,
        }
        for place, share in enumerate(SHARES)
    ]


def main() -> None:
    """Prints a row for each folder and strategy."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=Path, nargs="+", required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument(
        "--layers", nargs="+", default=["mixed8"], help="of the network; default: %(default)s"
    )
    parser.add_argument("--strategies", nargs="+", choices=STRATEGIES, default=["teaching"])
    parser.add_argument("--head", choices=("labelling", "train"), default="labelling")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    print(HEADING + "\n" + (len(SHARES) + 3) * "|---" + "|")
    rows = list[dict[str, object]]()
    for images in args.images:
        train, test = read_features(images, args.weights, args.layers)
        at_random = measure_all(train, test, "random", args.head, args.seeds)
        for strategy in args.strategies:
            right = measure_all(train, test, strategy, args.head, args.seeds)
            found = compare(right, at_random)
            cells = [
                f"{row['share_of_accuracy']:.3f} ({row['share_at_random']:.3f} ± "
                f"{row['standard_error']:.3f})"
                for row in found
            ]
            whole = f"{right[-1].mean():.3f}"
            print(f"| {' | '.join([images.name, strategy, *cells, whole])} |", flush=True)
            rows += [{"name": images.name, "strategy": strategy, **row} for row in found]
    if args.json:
        args.json.write_text(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
