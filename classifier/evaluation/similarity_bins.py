"""results/accuracy_by_similarity.csv: the accuracy by similarity to the training images."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

from classifier.common import files

PATH = Path("results/accuracy_by_similarity.csv")


@dataclass(frozen=True)
class Bin:
    """Images whose nearest training image of another group is about as similar.

    Attributes:
        similarity_low: lowest similarity of a validation image.
        similarity_high: highest one.
        validation: number of validation images.
        validation_accuracy: fraction of them that is right.
        validation_low: lower end of its 95 % interval.
        validation_high: upper end.
        test: number of test images, of known class or not.
        test_scored: number of those whose class is known.
        test_right: number of these that are right.
    """

    similarity_low: float
    similarity_high: float
    validation: int
    validation_accuracy: float
    validation_low: float
    validation_high: float
    test: int
    test_scored: int
    test_right: int


HEADER = tuple(field.name for field in fields(Bin))


def write(path: Path, bins: Iterable[Bin]) -> None:
    """Writes a row per bin, the lowest similarity first."""
    cells = (vars(one).values() for one in bins)
    rows = ([f"{c:.6f}" if isinstance(c, float) else c for c in row] for row in cells)
    files.write_csv(path, HEADER, rows)


def read(path: Path) -> list[Bin]:
    """Returns the rows of the file."""
    bins = []
    for low, high, validation, accuracy, *interval, test, scored, right in files.iter_rows(path):
        lower, upper = map(float, interval)
        counts = int(test), int(scored), int(right)
        own = float(low), float(high), int(validation), float(accuracy)
        bins.append(Bin(*own, lower, upper, *counts))
    return bins
