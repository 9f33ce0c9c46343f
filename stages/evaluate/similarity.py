"""The accuracy by similarity to the nearest training image of another group.

If validation images have near twins among the training images and test images have none, the
validation accuracy is not that of the test images.
"""

import math
from collections.abc import Sequence

import numpy as np

from classifier.common import sorted_column
from classifier.common.disk_array import DiskArray, Rows
from classifier.common.scratch import Scratch
from classifier.dataset import orders
from classifier.evaluation.intervals import Z95, Z99, independent_count, wilson
from classifier.evaluation.similarity_bins import Bin
from stages.evaluate.predicted import Predicted

BINS = 5  # with as many validation images each
FEWEST = 10  # validation images in a bin
SMALLEST_DIFFERENCE = 0.02  # of two accuracies: a smaller one is not told


def of_run(
    similarity: Rows, correct: np.ndarray, groups: Rows, tested: Predicted, scratch: Scratch
) -> list[Bin]:
    """Returns the bins of the validation and test images whose similarity is known.

    Args:
        similarity: float (N,), of validation images; NaN if it is not known.
        correct: bool (N,).
        groups: int (N,); images of a group are not independent.
        tested: the test images.
        scratch: for what is sorted and selected.
    """
    new = ~np.isnan(tested.similarity)
    known = np.concatenate([~np.isnan(similarity[b]) for b in orders.blocks(len(correct))])
    if not known.all():
        similarity, groups = (_select(rows, known, scratch) for rows in (similarity, groups))
        correct = correct[known]
    return bins(similarity, correct, groups, tested.similarity[new], tested.correct[new], scratch)


def bins(
    similarity: Rows,
    correct: np.ndarray,
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
        scratch: for what is sorted and selected.
    """
    count = min(BINS, len(similarity) // FEWEST)
    if count == 0:
        return []
    shares = np.arange(1, count) / count
    edges = np.unique(sorted_column.quantile(sorted_column.sort(similarity, scratch), shares))
    numbers, tested = (_bin_numbers(edges, values) for values in (similarity, test_similarity))
    found = []
    for number in np.unique(numbers).tolist():
        own, scores = numbers == number, test_correct[tested == number]
        values, of_images = (_select(rows, own, scratch) for rows in (similarity, groups))
        found.append(_bin(values, correct[own], of_images, scores))
    return found


def _bin(similarity: Rows, correct: np.ndarray, groups: Rows, scores: np.ndarray) -> Bin:
    """Returns the bin of some images; `scores` are `test_correct` of those in it."""
    accuracy, independent = float(correct.mean()), independent_count(correct, groups)
    interval = wilson(accuracy * independent, independent)
    blocks = (similarity[block] for block in orders.blocks(len(correct)))
    lows, highs = zip(*((float(b.min()), float(b.max())) for b in blocks), strict=True)
    scored = int((~np.isnan(scores)).sum())
    shown = len(scores), scored, int(np.nansum(scores))
    return Bin(min(lows), max(highs), len(correct), accuracy, *interval, *shown)


def _select(rows: Rows, mask: np.ndarray, scratch: Scratch) -> DiskArray:
    """Returns some rows, which are read in blocks: here and there would be slow."""
    selected = scratch.array((), rows[:0].dtype)
    for block in orders.blocks(len(mask)):
        selected.append(rows[block][mask[block]])
    return selected


def _bin_numbers(edges: np.ndarray, values: Rows) -> np.ndarray:
    numbers = np.empty(len(values), np.uint8)
    for block in orders.blocks(len(values)):
        numbers[block] = np.searchsorted(edges, values[block], "right")
    return numbers


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
