"""Test images that the head has already seen: copies of the images it learned from."""

from collections.abc import Container, Iterable, Mapping

from classifier.dataset import duplicates, split
from classifier.dataset.findings import Finding

CODES = set(duplicates.CODES) - {"duplicate"}  # findings about images of two splits


def copies_of_training_images(
    findings: Iterable[Finding], tested: Container[str], splits: Mapping[str, str]
) -> dict[str, str]:
    """Returns the test images that leaked, each with the training image that it is a copy of.

    A copy is exact or near, whatever its label. Training images that were excluded do not count.

    Args:
        findings: of `inspect`, of CODES.
        tested: paths of the test images.
        splits: of all other images, by path: results/split.csv.
    """
    pairs = [(one.path, one.other) for one in findings if one.other]
    pairs += [(other, path) for path, other in pairs]
    return {
        path: other
        for path, other in sorted(pairs, reverse=True)
        if path in tested and splits.get(other, split.EXCLUDED) != split.EXCLUDED
    }
