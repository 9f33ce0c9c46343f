"""The findings about single images: copies, label errors and outliers, in words."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from classifier.dataset import duplicates
from classifier.dataset.findings import OUTLIER, WRONG_LABEL, Finding
from classifier.dataset.manifest import ImageRow
from stages.inspect.label_errors import LabelError
from stages.inspect.near_duplicates import DuplicatePairs

Images = Sequence[tuple[int, ImageRow]]  # each with the number of its content


def duplicate_findings(images: Images, pairs: DuplicatePairs) -> Iterator[Finding]:
    """Yields the findings about images that are copies of others, exact or near.

    Args:
        images: in path order.
        pairs: of contents that are near duplicates.
    """
    first: defaultdict[int, dict[tuple[str, str], ImageRow]] = defaultdict(dict)
    for content, row in images:
        first[content].setdefault((row.split, row.label), row)
    near = _near_duplicates(pairs)
    for content, row in images:
        similarity = {content: (0.0, False)} | near.get(content, {})
        copies = {
            other.path: (other, *similarity[number])
            for number in similarity
            for other in first[number].values()
        }
        candidates = (other for other, _, _ in copies.values())
        for code, other in duplicates.duplicates_of(row, candidates):
            _, distance, mirrored = copies[other.path]
            same = "the same bytes as" if row.sha256 == other.sha256 else "the same image as"
            detail = f"{'the mirror image of' if mirrored else same} {other.path}"
            yield Finding(row.path, row.label, code, 1 - distance, "", other.path, detail)


def _near_duplicates(pairs: DuplicatePairs) -> dict[int, dict[int, tuple[float, bool]]]:
    """Returns the near duplicates of each content, nearest first: their distance, if mirrored."""
    near: defaultdict[int, dict[int, tuple[float, bool]]] = defaultdict(dict)
    for index in np.argsort(pairs.distance, kind="stable").tolist():
        one, other = int(pairs.one[index]), int(pairs.other[index])
        similarity = float(pairs.distance[index]), bool(pairs.mirrored[index])
        near[one][other] = near[other][one] = similarity
    return near


def label_findings(
    images: Images, errors: Mapping[int, LabelError], class_names: Sequence[str]
) -> Iterator[Finding]:
    """Yields the images whose label is probably wrong."""
    for content, row in images:
        if not row.label or content not in errors:
            continue
        number, probability, confidence = errors[content]
        suggested = class_names[number]
        detail = (
            f"looks like {suggested} ({probability:.2f}), not like {row.label} ({confidence:.2f})"
        )
        yield Finding(row.path, row.label, WRONG_LABEL, 1 - confidence, suggested, "", detail)


def outlier_findings(images: Images, scores: Mapping[int, float]) -> Iterator[Finding]:
    """Yields the images that are unusually far from all others, by their scores."""
    for content, row in images:
        if score := scores.get(content):
            detail = "unusually far from its nearest neighbours"
            yield Finding(row.path, row.label, OUTLIER, score, "", "", detail)
