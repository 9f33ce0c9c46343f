"""Test images that the head has already seen: copies of the images it learned from."""

from collections.abc import Container, Iterable

from classifier.dataset.findings import Finding


def leaked_images(
    findings: Iterable[Finding], tested: Container[str], learned: Container[str]
) -> set[str]:
    """Returns the test images that are copies, exact or near, of images the head learned from.

    Args:
        findings: of `inspect`.
        tested: paths of the test images.
        learned: paths of the images that the head learned from.
    """
    pairs = [(one.path, one.other) for one in findings if one.other]
    pairs += [(other, path) for path, other in pairs]
    return {path for path, other in pairs if path in tested and other in learned}
