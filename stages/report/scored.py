"""The images whose class is known: how many there are of each kind, and those that are shown."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import tee

from classifier.common.sorted_join import look_up
from classifier.common.top import Top
from classifier.evaluation.scored_images import ScoredImage

PER_GROUP = 24  # images in each group: errors, least confident, each kind of finding
PER_CELL = 60  # images behind each cell of the confusion matrix
EXAMPLES = 20_000  # images behind all cells, about
LARGEST = 120  # classes of a confusion matrix; for more, only pairs are listed
PAIRS = 20  # listed
CONFIDENT = 0.9  # probability from which a prediction is not listed as one of the least confident
Cell = tuple[str, str]  # class and predicted class


@dataclass(frozen=True)
class Scored:
    """Images that the head has not seen.

    Attributes:
        cells: number of images by class and predicted class.
        misclassified: PER_GROUP of them, the most confident first.
        least_confident: PER_GROUP of those below CONFIDENT, the least confident first.
        typical: the most confident correct prediction of each class, for PER_GROUP of these.
        examples: what the confusion matrix can show, in path order.
        verdicts: `unknown` or `uncertain`, by path, of those in the first three groups without a
            class.
    """

    cells: Counter[Cell]
    misclassified: Sequence[ScoredImage]
    least_confident: Sequence[ScoredImage]
    typical: Sequence[ScoredImage]
    examples: Sequence[ScoredImage]
    verdicts: Mapping[str, str]

    @property
    def names(self) -> list[str]:
        """Returns the classes that occur or are predicted, sorted."""
        return sorted({name for cell in self.cells for name in cell})

    @property
    def wrong(self) -> int:
        """Returns the number of misclassified images."""
        return sum(n for (label, predicted), n in self.cells.items() if label != predicted)

    @property
    def confusions(self) -> list[Cell]:
        """Returns the PAIRS most frequent confusions."""
        return frequent_confusions(self.cells)


def frequent_confusions(cells: Counter[Cell]) -> list[Cell]:
    """Returns the PAIRS cells with the most misclassified images, the largest first."""
    errors = sorted((-number, *cell) for cell, number in cells.items() if cell[0] != cell[1])
    return [(label, predicted) for _, label, predicted in errors[:PAIRS]]


def examples_per_cell(cells: Counter[Cell]) -> Counter[Cell]:
    """Returns how many images of each cell are shown: PER_CELL, or fewer of many cells."""
    names = {name for cell in cells for name in cell}
    kept = frequent_confusions(cells) if len(names) > LARGEST else list(cells)
    most = PER_CELL
    while most > 1 and sum(min(cells[cell], most) for cell in kept) > EXAMPLES:
        most -= 1
    return Counter(dict.fromkeys(kept, most))


def of(
    images: Callable[[], Iterable[ScoredImage]], predictions: Iterable[Mapping[str, str]]
) -> Scored:
    """Returns what the page shows.

    Args:
        images: returns the images, in path order.
        predictions: rows of the table that has their verdicts, in path order; none for images of
            the training set.
    """
    cells = Counter((image.label, image.predicted) for image in images())
    left, examples = examples_per_cell(cells), list[ScoredImage]()
    wrong = Top[tuple[ScoredImage, str]](PER_GROUP, lambda pair: (-pair[0].probability, pair[0]))
    unsure = Top[tuple[ScoredImage, str]](PER_GROUP, lambda pair: (pair[0].probability, pair[0]))
    best: dict[str, ScoredImage] = {}
    got_none = ((r["path"], r["predicted"]) for r in predictions if r["predicted"] != r["class_1"])
    all_images, others = tee(images())
    verdicts = look_up((image.path for image in others), got_none, "")
    for image, verdict in zip(all_images, verdicts, strict=True):
        cell = image.label, image.predicted
        if left[cell] > 0:
            left[cell] -= 1
            examples.append(image)
        if image.predicted != image.label:
            wrong.add((image, verdict))
        elif not verdict:
            known = best.setdefault(image.label, image)
            if (-image.probability, image.path) < (-known.probability, known.path):
                best[image.label] = image
        if image.probability < CONFIDENT:
            unsure.add((image, verdict))
    shown = wrong.items, unsure.items
    misclassified, least_confident = ([image for image, _ in pairs] for pairs in shown)
    return Scored(
        cells,
        misclassified,
        least_confident,
        [best[name] for name in sorted(best)[:PER_GROUP]],
        examples,
        {image.path: verdict for pairs in shown for image, verdict in pairs if verdict},
    )
