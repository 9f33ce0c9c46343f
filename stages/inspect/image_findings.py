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

Images = Iterable[tuple[int, ImageRow]]  # each with the number of its content


def duplicate_findings(images: CopyCandidates, pairs: DuplicatePairs) -> Iterator[Finding]:
    """Yields the findings about images that are copies of others, exact or near.

    Args:
        images: all with contents that are in pairs or of several images.
        pairs: of contents that are near duplicates.
    """
    both = _both_ways(pairs)
    for content, row in images:
        near = both[slice(*np.searchsorted(both.one, [content, content + 1]))]
        alike = [(content, content, 0.0, False), *near]
        copies = {
            other.path: (other, distance, mirrored)
            for _, number, distance, mirrored in alike
            for other in images.first_images(number)
        }
        candidates = (other for other, _, _ in copies.values())
        for code, other in duplicates.duplicates_of(row, candidates):
            _, distance, mirrored = copies[other.path]
            same = "the same bytes as" if row.sha256 == other.sha256 else "the same image as"
            detail = f"{'the mirror image of' if mirrored else same} {other.path}"
            yield Finding(row.path, row.label, code, 1 - distance, "", other.path, detail)


def _both_ways(pairs: DuplicatePairs) -> DuplicatePairs:
    """Returns each pair in both directions, by `one`, and the nearest first."""
    one, other = (
        np.concatenate(sides) for sides in ((pairs.one, pairs.other), (pairs.other, pairs.one))
    )
    number, distance, mirrored = (
        np.tile(column, 2) for column in (np.arange(len(pairs.one)), pairs.distance, pairs.mirrored)
    )
    order = np.lexsort((number, distance, one))
    return DuplicatePairs(one, other, distance, mirrored)[order]


def label_findings(
    images: Images, errors: LabelErrors, class_names: Sequence[str]
) -> Iterator[Finding]:
    """Yields the images whose label is probably wrong; `images` are those of `errors`."""
    for content, row in images:
        place = int(np.searchsorted(errors.images, content))
        probability, confidence = errors.probability[place], errors.self_confidence[place]
        suggested = class_names[errors.suggested[place]]
        looks = f"looks like {suggested} ({probability:.2f})"
        detail = f"{looks}, not like {row.label} ({confidence:.2f})"
        if row.label:
            score = 1 - float(confidence)
            yield Finding(row.path, row.label, WRONG_LABEL, score, suggested, "", detail)


def outlier_findings(images: Images, outliers: Outliers) -> Iterator[Finding]:
    """Yields the images that are unusually far from all others; `images` are those `outliers`."""
    for content, row in images:
        score = float(outliers.scores[int(np.searchsorted(outliers.images, content))])
        detail = "unusually far from its nearest neighbours"
        yield Finding(row.path, row.label, OUTLIER, score, "", "", detail)
