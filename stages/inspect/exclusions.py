"""Which training images the params of `inspect` exclude, and why."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from classifier.common.errors import StageError, count
from classifier.dataset import manifest
from classifier.dataset.findings import FINDINGS, Finding


def exclusion_reasons(
    findings: Iterable[Finding], training: Iterable[str], dropped: Mapping[str, str]
) -> dict[str, str]:
    """Returns the most severe finding for which each image is excluded, by its path.

    Args:
        findings: about any image.
        training: the paths of training images; no others are excluded.
        dropped: the findings for which images are excluded.
    """
    paths = set(training)
    order = sorted(findings, key=lambda one: FINDINGS.index(one.finding), reverse=True)
    return {one.path: one.finding for one in order if one.finding in dropped and one.path in paths}


def require_two_per_class(
    images_csv: Path, reasons: Mapping[str, str], dropped: Mapping[str, str]
) -> None:
    """Raises a StageError if a class is left with fewer than two different images.

    Args:
        images_csv: results/images.csv.
        reasons: finding for which an image is excluded, by path.
        dropped: the param behind each of these findings.
    """
    if not reasons:
        return
    remaining: defaultdict[str, set[str]] = defaultdict(set)
    params: defaultdict[str, set[str]] = defaultdict(set)
    for row in manifest.iter_rows(images_csv):
        if row.path in reasons:
            params[row.label].add(f"inspect.{dropped[reasons[row.path]]}")
        elif row.split == "train" and len(remaining[row.label]) < 2:
            remaining[row.label].add(row.sha256)
    errors = [
        f"params.yaml: {' and '.join(sorted(names))} must leave each class two different images; "
        f"got {count(len(remaining[label]), 'image')} of {label}: set it to false, or add images"
        for label, names in sorted(params.items())
        if len(remaining[label]) < 2
    ]
    if errors:
        raise StageError(*errors)
