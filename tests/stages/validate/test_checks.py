import numpy as np
import pytest

from classifier.dataset import duplicates
from classifier.dataset.problems import UNUSABLE
from classifier.images.decode import DecodedImage
from stages.validate.checks import registry
from stages.validate.checks.check import Check


def image(width: int, height: int) -> DecodedImage:
    return DecodedImage(np.zeros((64, 64, 3), np.uint8), width, height, "PNG")


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (32, 32, []),
        (31, 100, ["tiny"]),
        (1, 20_000, ["tiny", "extreme_shape"]),
        (500, 100, []),
        (100, 501, ["extreme_shape"]),
    ],
)
def test_unusual_sizes_are_found(width, height, expected):
    failed = registry.failed_checks(image(width, height))
    assert list(failed) == expected
    assert all(f"{width:,} x {height:,} pixels: " in detail for detail in failed.values())


def test_codes_are_unique():
    codes = [check.code for check in registry.CHECKS]
    assert len({*codes, *UNUSABLE, *duplicates.CODES}) == len(codes) + len(UNUSABLE) + len(
        duplicates.CODES
    )


def test_a_check_sees_the_pixels_and_a_new_one_changes_the_versions(monkeypatch):
    dark = Check("dark", 1, "black", lambda image: "" if image.pixels.any() else "all black")
    before = registry.versions()
    monkeypatch.setattr(registry, "CHECKS", (*registry.CHECKS, dark))
    assert registry.failed_checks(image(64, 64)) == {"dark": "all black"}
    assert registry.versions() == f"{before}, dark 1"
