"""The accuracy by similarity to the nearest training image of another group.

If validation images have near twins among the training images and test images have none, the
validation accuracy is not that of the test images.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from classifier.common import sorted_column
from classifier.common.disk_array import Rows
from classifier.common.scratch import Scratch
from classifier.dataset import orders
from classifier.evaluation.intervals import Z95, Z99, independent_count, wilson
from classifier.evaluation.similarity_bins import Bin
from stages.evaluate.predicted import Predicted

BINS = 5  # with as many validation images each
FEWEST = 10  # validation images in a bin
SMALLEST_DIFFERENCE = 0.02  # of two accuracies: a smaller one is not told
Columns = tuple[Rows, Rows, Rows]  # similarity, correct, groups


def of_run(
    similarity: Rows, correct: np.ndarray, groups: Rows, tested: Predicted, scratch: Scratch
) -> list[Bin]:
    """Returns the bins of the validation and test images whose similarity is known.

    Args:
        similarity: float (N,), of validation images; NaN if it is not known.
        correct: bool (N,).
        groups: int (N,); images of a group are not independent.
        tested: the test images.
        scratch: for what is sorted and divided.
    """
    new = ~np.isnan(tested.similarity)
    columns = similarity, correct, groups
    known, _ = _divided(columns, lambda block: np.isnan(similarity[block]), 2, scratch)
    return bins(*known, tested.similarity[new], tested.correct[new], scratch)


def bins(
    similarity: Rows,
    correct: Rows,
    groups: Rows,
    test_similarity: np.ndarray,
    test_correct: np.ndarray,
    scratch: Scratch,
) -> list[Bin]:
    """Returns bins with as many validation images each; none if these are fewer than FEWEST.

    Args:
        similarity: float (N,), of validation images to the training images.
        correct: bool (N,).
        groups: int (N,); images of a group are not independent.
        test_similarity: float (M,).
        test_correct: float (M,), 1 if right, 0 if wrong, NaN if the class is not known.
        scratch: for what is sorted and divided.
    """
    count = min(BINS, len(similarity) // FEWEST)
    if count == 0:
        return []
    shares = np.arange(1, count) / count
    edges = np.unique(sorted_column.quantile(sorted_column.sort(similarity, scratch), shares))
    tested = np.searchsorted(edges, test_similarity, "right")

    def numbers(block: slice) -> np.ndarray:
        return np.searchsorted(edges, similarity[block], "right")

    parts = _divided((similarity, correct, groups), numbers, len(edges) + 1, scratch)
    scores = (test_correct[tested == number] for number in range(len(parts)))
    return [_bin(*part, own) for part, own in zip(parts, scores, strict=True) if len(part[0])]


def _bin(similarity: Rows, is_correct: Rows, groups: Rows, scores: np.ndarray) -> Bin:
    """Returns the bin of some images; `scores` are `test_correct` of those in it."""
    correct = is_correct[:]
    accuracy, independent = float(correct.mean()), independent_count(correct, groups)
    interval = wilson(accuracy * independent, independent)
    blocks = (similarity[block] for block in orders.blocks(len(correct)))
    lows, highs = zip(*((float(b.min()), float(b.max())) for b in blocks), strict=True)
    scored = int((~np.isnan(scores)).sum())
    shown = len(scores), scored, int(np.nansum(scores))
    return Bin(min(lows), max(highs), len(correct), accuracy, *interval, *shown)


def _divided(
    columns: Columns, numbers: Callable[[slice], np.ndarray], count: int, scratch: Scratch
) -> list[Columns]:
    """Returns the rows of columns in parts: `numbers` returns those of the parts of some rows."""
    parts = [[scratch.array((), rows[:0].dtype) for rows in columns] for _ in range(count)]
    for block in orders.blocks(len(columns[0])):
        of_block, values = numbers(block), [rows[block] for rows in columns]
        for number, part in enumerate(parts):
            for array, own in zip(part, values, strict=True):
                array.append(own[of_block == number])
    return [(one, two, three) for one, two, three in parts]


def metrics_part(found: Sequence[Bin]) -> dict[str, dict[str, float | bool]]:
    """Returns `at_test_similarity` of metrics.json.

    The validation accuracy if these images were as similar as the test images.

    And whether it is lower than the validation accuracy by more than chance (0.5 %). Empty without
    bins or test images.
    """
    n_test, n_validation = sum(one.test for one in found), sum(one.validation for one in found)
    if not n_test:
        return {}
    accuracy = np.array([one.validation_accuracy for one in found])
    errors = np.array([one.validation_high - one.validation_low for one in found]) / (2 * Z95)
    shares = np.array([one.validation for one in found]) / n_validation
    new = np.array([one.test for one in found]) / n_test
    expected = float(new @ accuracy)
    variance = float((new - shares) ** 2 @ errors**2)
    variance += float(new @ (accuracy - expected) ** 2) / n_test
    variance += float(shares @ (accuracy - shares @ accuracy) ** 2) / n_validation
    fall = float(shares @ accuracy) - expected
    lower = fall > max(Z99 * math.sqrt(variance), SMALLEST_DIFFERENCE)
    return {"at_test_similarity": {"accuracy": round(expected, 6), "lower": lower}}
