"""Whether half of the images tell what the other half adds.

    python -m benchmarks.more_images PROJECT [PROJECT ...] [--repeats 10]

Each PROJECT is a folder with results/features_train. A half of each class is drawn, and what
twice as many images would add to the accuracy is predicted from it. The truth is what all images
add to half of them, in the learning curves of all images, with its own standard error. Printed are
the means over the repeats, in percentage points, and in how many the interval has the truth, give
or take one standard error.
"""

import argparse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from classifier.dataset import features
from stages.evaluate.more_images import expected_gain
from stages.train import draw, learning_curve
from stages.train.cross_validation import Samples
from stages.train.learning_curve import LearningCurve
from stages.train.linear import POWER
from stages.train.units import Units

FOLDS = 5
HEADING = "| project | images | truth | predicted | interval | has the truth |\n" + 6 * "|---" + "|"


def curve(values: np.ndarray, labels: np.ndarray, hashes: list[str], seed: int) -> LearningCurve:
    """Returns the learning curve of some images."""
    units = Units.of(hashes)
    folds = draw.folds(units, labels, FOLDS, seed)
    rows, everything = np.arange(len(labels))[:, None], np.ones(len(labels), bool)
    samples = Samples(rows, labels, folds, everything, np.ones(labels.max() + 1))
    image_parts = learning_curve.draw_parts(units, labels, seed)
    with ThreadPoolExecutor(2) as pool:
        return learning_curve.measure(values, samples, slice(None), POWER, image_parts, pool)


def measure(project: Path, repeats: int) -> list[str]:
    """Returns the cells of a row."""
    table = features.read(project / features.TRAIN)
    rows = table.image_rows
    values, labels, hashes = table.features[rows], table.labels[rows], table.sha256[rows]
    names = np.array(features.hex_hashes(hashes))
    whole = [curve(values, labels, names.tolist(), seed).correct for seed in range(repeats)]
    gains = np.mean([one[:, -1] - one[:, 2] for one in whole], axis=0)
    truth, error = 100 * gains.mean(), 100 * gains.std() / np.sqrt(len(gains))
    found = []
    for seed in range(repeats):
        order = np.random.default_rng(seed).permutation(len(labels))
        order = order[np.argsort(labels[order], kind="stable")]
        half = np.sort(order[seed % 2 :: 2])
        one = curve(values[half], labels[half], names[half].tolist(), seed)
        if gain := expected_gain(one.images, one.correct, np.arange(len(half))):
            found.append([100 * value for value in vars(gain).values()])
    mean, low, high = np.array(found).T
    hits = int(((low - error <= truth) & (truth <= high + error)).sum())
    predicted = f"{mean.mean():.1f} (standard deviation {mean.std():.1f})"
    interval = f"{low.mean():.1f} to {high.mean():.1f}"
    cells = [project.name, str(len(labels)), f"{truth:.1f} ± {error:.1f}", predicted, interval]
    return [*cells, f"{hits} of {len(found)}"]


def main() -> None:
    """Prints a row for each project."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("projects", nargs="+", type=Path, metavar="PROJECT")
    parser.add_argument("--repeats", type=int, default=10)
    given = parser.parse_args()
    print(HEADING)
    for project in given.projects:
        print(f"| {' | '.join(measure(project.resolve(), given.repeats))} |", flush=True)


if __name__ == "__main__":
    main()
