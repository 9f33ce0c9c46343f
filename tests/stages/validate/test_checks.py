import re

import numpy as np
import pytest

from classifier.dataset.findings import FINDINGS
from classifier.dataset.problems import UNUSABLE
from classifier.images.decode import DecodedImage
from stages.validate.checks import registry
from stages.validate.checks.check import Check
from stages.validate.checks.extreme_shape import EXTREME_SHAPE
from stages.validate.checks.tiny import TINY
from tests.project import ROOT


def image(width: int, height: int) -> DecodedImage:
    return DecodedImage(np.zeros((64, 64, 3), np.uint8), width, height, "PNG")


@pytest.mark.parametrize(
    ("check", "width", "height", "fails"),
    [
        (TINY, 32, 32, False),
        (TINY, 31, 100, True),
        (TINY, 1, 20_000, True),
        (EXTREME_SHAPE, 1, 20_000, True),
        (EXTREME_SHAPE, 500, 100, False),
        (EXTREME_SHAPE, 100, 501, True),
    ],
)
def test_unusual_sizes_are_found(check, width, height, fails):
    detail = check.find(image(width, height)) or ""
    assert detail.startswith(f"{width:,} x {height:,} pixels: ") == fails


def test_codes_are_unique():
    codes = [*registry.CODES, *UNUSABLE, *FINDINGS]
    assert len(set(codes)) == len(codes)


def test_the_documentation_has_every_code():
    text = (ROOT / "docs/reference/problems-and-findings.md").read_text(encoding="utf-8")
    unusable, usable, findings, *_ = text.split("\n## ")[1:]
    assert re.findall(r"^\| `(\w+)`", unusable, re.M) == list(UNUSABLE)
    rows = [f"| `{check.code}` | {check.meaning} |" for check in registry.CHECKS]
    assert [row for row in usable.splitlines() if row.startswith("| `")][:-1] == rows
    assert re.findall(r"^\| `(\w+)`", findings, re.M) == list(FINDINGS)


def test_a_check_sees_the_pixels_and_a_new_one_changes_the_versions(monkeypatch):
    dark = Check("dark", 1, "black", lambda image: "" if image.pixels.any() else "all black")
    before = registry.versions()
    monkeypatch.setattr(registry, "CHECKS", (*registry.CHECKS, dark))
    assert registry.failed_checks(image(64, 64))["dark"] == "all black"
    assert registry.versions() == f"{before}, dark 1"
