"""The findings about single images: copies, label errors and outliers, in words."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from classifier.dataset import duplicates
from classifier.dataset.findings import OUTLIER, WRONG_LABEL, Finding
from classifier.dataset.manifest import ImageRow
from stages.inspect.copy_candidates import CopyCandidates
from stages.inspect.label_errors import LabelErrors
from stages.inspect.near_duplicates import DuplicatePairs
from stages.inspect.outliers import Outliers


def duplicate_findings(images: CopyCandidates, pairs: DuplicatePairs) -> Iterator[Finding]:
    """Yields the findings about images that are copies of others, exact or near.

    Args:
        images: all with contents that are in pairs or of several images.
        pairs: of contents that are near duplicates.
    """
    neighbours = _Neighbours(pairs)
    for content, row in images:
        alike = [(content, 0.0, False), *neighbours.of(content)]
        copies = {
            other.path: (other, distance, mirrored)
            for number, distance, mirrored in alike
            for other in images.first_images(number)
        }
        candidates = (other for other, _, _ in copies.values())
        for code, other in duplicates.duplicates_of(row, candidates):
            _, distance, mirrored = copies[other.path]
            same = "the same bytes as" if row.sha256 == other.sha256 else "the same image as"
            detail = f"{'the mirror image of' if mirrored else same} {other.path}"
            yield Finding(row.path, row.label, code, 1 - distance, "", other.path, detail)


class _Neighbours:
    """The near duplicates of each content.

    Args:
        pairs: of near duplicates.
    """

    def __init__(self, pairs: DuplicatePairs) -> None:
        contents = np.concatenate([pairs.other, pairs.one])  # at equal distance by the other
        self._pairs = pairs
        self._order = np.lexsort((np.tile(pairs.distance, 2), contents))
        self._contents = contents[self._order]

    def of(self, content: int) -> Iterator[tuple[int, float, bool]]:
        """Yields those of a content, the nearest first: their distance, and whether mirrored."""
        ends = np.array([content, content + 1], self._contents.dtype)  # another would be converted
        own = self._order[slice(*np.searchsorted(self._contents, ends))]
        for one, other, distance, mirrored in self._pairs[own % max(1, len(self._pairs.one))]:
            yield other if one == content else one, distance, mirrored


def judged_findings(
    images: Iterable[tuple[int, ImageRow]],
    errors: LabelErrors,
    outliers: Outliers,
    class_names: Sequence[str],
) -> Iterator[Finding]:
    """Yields the findings about labels that are probably wrong, and about outliers.

    Args:
        images: some images, each with the number of its content.
        errors: of contents.
        outliers: among contents.
        class_names: all classes.
    """
    for content, row in images:
        if row.label and (place := _place(errors.images, content)) is not None:
            yield _label_finding(row, errors, place, class_names)
        if (place := _place(outliers.images, content)) is not None:
            score, detail = outliers.scores[place], "unusually far from its nearest neighbours"
            yield Finding(row.path, row.label, OUTLIER, float(score), "", "", detail)


def _place(numbers: np.ndarray, number: int) -> int | None:
    """Returns the place of a number among others, which ascend; None if it is not there."""
    place = int(np.searchsorted(numbers, number))
    return place if place < len(numbers) and numbers[place] == number else None


def _label_finding(
    row: ImageRow, errors: LabelErrors, place: int, class_names: Sequence[str]
) -> Finding:
    suggested = class_names[errors.suggested[place]]
    probability, confidence = errors.probability[place], errors.self_confidence[place]
    looks = f"looks like {suggested} ({probability:.2f})"
    detail = f"{looks}, not like {row.label} ({confidence:.2f})"
    return Finding(row.path, row.label, WRONG_LABEL, 1 - float(confidence), suggested, "", detail)
