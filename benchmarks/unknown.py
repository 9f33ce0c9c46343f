"""How well unknown images are told from known ones, from features that `extract` wrote.

Known are the test images of each dataset. Unknown are, `far`, the test images of the other
datasets and, `near`, those of every third class, which is left out of training (three times,
from the first, second and third class on; the table has the means). Thresholds keep 95 and 99 %
of the training images, scored out of fold; `kept` is the share of the test images that they keep.
The largest probability of a calibrated linear discriminant is measured beside the novelty, and so
is the sum of both ranks among the training images.

    python -m benchmarks.unknown RESULTS_OF_DATASET_1 RESULTS_OF_DATASET_2 ... [--same 0,2]

Each argument is a folder with features_train and features_test. `--same` names datasets,
counted from 0, whose classes overlap: they are not set against each other.
"""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.metrics import roc_auc_score

from classifier import novelty, temperature
from classifier.dataset import features
from classifier.discriminant import Coordinates
from classifier.head import softmax
from stages.train import draw
from stages.train.units import Units

FOLDS = 5
Table = dict[str, np.ndarray]  # the columns by score
Score = Callable[[np.ndarray], np.ndarray]  # of features (N, D); higher is more unlike
HEADER = (
    "| score | dataset | unknown | AUROC | accepted at 95 % | at 99 % | kept at 95 % | at 99 % |"
)


class Images(NamedTuple):
    """Features (N, D), labels (N,) and hashes (N,)."""

    vectors: np.ndarray
    labels: np.ndarray
    hashes: np.ndarray

    def of(self, selected: np.ndarray) -> "Images":
        """Returns some of the images."""
        return Images(*(array[selected] for array in self))


def read(path: Path) -> Images:
    """Returns the images of a file; without augmented copies."""
    table = features.read(path)
    rows = table.image_rows
    return Images(table.features[rows].astype(np.float64), table.labels[rows], table.sha256[rows])


def folds_of(train: Images) -> Iterator[tuple[Images, np.ndarray]]:
    """Yields the images outside of each fold, and which images are in it."""
    hashes = features.hex_hashes(train.hashes)
    folds = draw.folds(Units.of(hashes), train.labels, FOLDS, 1)
    for fold in np.unique(folds):
        yield train.of(folds != fold), folds == fold


def fit_novelty(train: Images) -> tuple[Score, np.ndarray]:
    """Returns the novelty, and that of the training images out of fold."""
    measures = np.empty((len(train.labels), 3))
    for others, inside in folds_of(train):
        fitted = novelty.fit(others.vectors, others.labels)
        measures[inside] = fitted.measures(train.vectors[inside])
    final = novelty.fit(train.vectors, train.labels).calibrated(measures)
    return final.score, final.scores(measures)


def fit_probability(train: Images) -> tuple[Score, np.ndarray]:
    """Returns 1 less the largest probability, and that of the training images out of fold."""

    def fit(images: Images) -> Score:
        rows = np.arange(len(images.labels))
        coordinates = Coordinates.of(images.vectors, rows, slice(None), 0.5)
        moments = coordinates.moments(rows, images.labels, n_classes)
        kernel, bias = coordinates.on_features(coordinates.fit(moments, 0.2))
        return lambda vectors: np.sqrt(vectors) @ kernel + bias

    n_classes = int(train.labels.max()) + 1
    logits = np.empty((len(train.labels), n_classes))
    for others, inside in folds_of(train):
        logits[inside] = fit(others)(train.vectors[inside])
    factor = temperature.fit(logits, train.labels, np.ones(len(logits)))
    final = fit(train)

    def unlikely(logits: np.ndarray) -> np.ndarray:
        return 1 - softmax(factor * logits).max(axis=1)

    return lambda vectors: unlikely(final(vectors)), unlikely(logits)


def fit_scores(train: Images) -> dict[str, tuple[Score, np.ndarray]]:
    """Returns each score by name, and that of the training images out of fold."""
    novelty_score, novelties = fit_novelty(train)
    unlikely, doubts = fit_probability(train)

    def rank(values: np.ndarray, among: np.ndarray) -> np.ndarray:
        return np.searchsorted(np.sort(among), values) / len(among)

    def ranks(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        return rank(one, novelties) + rank(other, doubts)

    return {
        "novelty": (novelty_score, novelties),
        "largest probability": (unlikely, doubts),
        "sum of their ranks": (
            lambda vectors: ranks(novelty_score(vectors), unlikely(vectors)),
            ranks(novelties, doubts),
        ),
    }


def compare(train: Images, known: Images, unknown: list[Images]) -> Table:
    """Returns the mean columns of the table over several kinds of unknown images, by score."""
    table = {}
    for name, (score, out_of_fold) in fit_scores(train).items():
        inside = score(known.vectors)
        thresholds = np.quantile(out_of_fold, [0.95, 0.99])
        kept = [float((inside <= one).mean()) for one in thresholds]
        rows = []
        for images in unknown:
            outside = score(images.vectors)
            truth = np.repeat([0, 1], [len(inside), len(outside)])
            auroc = roc_auc_score(truth, np.concatenate([inside, outside]))
            rows.append([auroc, *((outside <= one).mean() for one in thresholds), *kept])
        table[name] = np.mean(rows, axis=0)
    return table


def measure(
    number: int, sets: list[tuple[Images, Images]], same: set[int]
) -> Iterator[tuple[str, Table]]:
    """Yields `far` and `near` with the columns of the table for one dataset."""
    train, test = sets[number]
    far = [
        other
        for index, (_, other) in enumerate(sets)
        if index != number and not {index, number} <= same
    ]
    yield "far", compare(train, test, far)
    if train.labels.max() < 2:
        return
    tables = []
    for start in range(3):
        in_train, in_test = train.labels % 3 == start, test.labels % 3 == start
        labels = np.unique(train.labels[~in_train], return_inverse=True)[1]
        others = train.of(~in_train)._replace(labels=labels)
        tables.append(compare(others, test.of(~in_test), [test.of(in_test)]))
    yield "near", mean_of(tables)


def mean_of(tables: list[Table]) -> Table:
    """Returns the mean of each row."""
    return {name: np.mean([table[name] for table in tables], axis=0) for name in tables[0]}


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--same", default="", help="numbers of datasets whose classes overlap")
    args = parser.parse_args()
    sets = [
        (read(folder / features.TRAIN.name), read(folder / features.TEST.name))
        for folder in args.folders
    ]
    same = {int(number) for number in args.same.split(",") if number}
    print(HEADER + "\n" + "|---" * 8 + "|")
    tables: dict[str, list[Table]] = {"far": [], "near": []}
    for number, folder in enumerate(args.folders):
        for kind, table in measure(number, sets, same):
            tables[kind].append(table)
            print_rows(folder.absolute().parent.name, kind, table)
    for kind, each in tables.items():
        print_rows("mean", kind, mean_of(each))


def print_rows(dataset: str, kind: str, table: Table) -> None:
    """Prints a row for each score."""
    for score, values in table.items():
        shares = " | ".join(f"{100 * value:.1f} %" for value in values[1:])
        print(f"| {score} | {dataset} | {kind} | {values[0]:.3f} | {shares} |", flush=True)


if __name__ == "__main__":
    main()
