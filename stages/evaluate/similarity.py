"""The accuracy by similarity to the nearest training image of another group.

If validation images have near twins among the training images and test images have none, the
validation accuracy is not that of the test images.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from classifier.evaluation.intervals import Z95, Z99, independent_count, wilson
from classifier.evaluation.similarity_bins import Bin

BINS = 5  # with as many validation images each
FEWEST = 10  # validation images in a bin
SMALLEST_DIFFERENCE = 0.02  # of two accuracies: a smaller one is not told


def of_run(
    similarities: Mapping[str, float],
    paths: Sequence[str],
    correct: np.ndarray,
    groups: np.ndarray,
    tested: Mapping[str, bool],
    test_paths: Sequence[str],
) -> list[Bin]:
    """Returns the bins of the validation and test images whose similarity is known.

    Args:
        similarities: by path.
        paths: of N validation images.
        correct: bool (N,), which of them are right.
        groups: int (N,); images of a group are not independent.
        tested: whether a test image of known class is right, by path.
        test_paths: of the test images.
    """
    known = np.array([path in similarities for path in paths], bool)
    similarity = np.array([similarities[path] for path in paths if path in similarities])
    new = [path for path in test_paths if path in similarities]
    right = np.array([tested.get(path, np.nan) for path in new], float)
    test_similarity = np.array([similarities[path] for path in new])
    return bins(similarity, correct[known], groups[known], test_similarity, right)


def bins(
    similarity: np.ndarray,
    correct: np.ndarray,
    groups: np.ndarray,
    test_similarity: np.ndarray,
    test_correct: np.ndarray,
) -> list[Bin]:
    """Returns bins with as many validation images each; none if these are fewer than FEWEST.

    Args:
        similarity: float (N,), of validation images to the training images.
        correct: bool (N,).
        groups: int (N,); images of a group are not independent.
        test_similarity: float (M,).
        test_correct: float (M,), 1 if right, 0 if wrong, NaN if the class is not known.
    """
    count = min(BINS, len(similarity) // FEWEST)
    if count == 0:
        return []
    edges = np.unique(np.quantile(similarity, np.arange(1, count) / count))
    numbers, tested = (
        np.searchsorted(edges, values, "right") for values in (similarity, test_similarity)
    )
    found = []
    for number in np.unique(numbers).tolist():
        own, scores = numbers == number, test_correct[tested == number]
        accuracy = float(correct[own].mean())
        independent = independent_count(correct[own], groups[own])
        interval = wilson(accuracy * independent, independent)
        ends = float(similarity[own].min()), float(similarity[own].max())
        scored = int((~np.isnan(scores)).sum())
        shown = len(scores), scored, int(np.nansum(scores))
        found.append(Bin(*ends, int(own.sum()), accuracy, *interval, *shown))
    return found


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
