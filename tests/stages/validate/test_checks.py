import re

import numpy as np
import pytest

from classifier.dataset.findings import FINDINGS
from classifier.dataset.problems import UNUSABLE
from classifier.images.decode import DecodedImage
from classifier.images.limits import Limits
from stages.validate import checks
from stages.validate.checks import CHECKS, Check, extreme_shape, tiny
from stages.validate.file_check import check_file
from tests.project import ROOT, draw


def image(width: int, height: int) -> DecodedImage:
    return DecodedImage(np.zeros((64, 64, 3), np.uint8), width, height, "PNG")


@pytest.mark.parametrize(
    ("check", "width", "height", "fails"),
    [
        (tiny, 32, 32, False),
        (tiny, 31, 100, True),
        (tiny, 1, 20_000, True),
        (extreme_shape, 1, 20_000, True),
        (extreme_shape, 500, 100, False),
        (extreme_shape, 100, 501, True),
    ],
)
def test_unusual_sizes_are_found(check, width, height, fails):
    detail = check(image(width, height)) or ""
    assert detail.startswith(f"{width:,} x {height:,} pixels: ") == fails


@pytest.mark.parametrize(
    ("levels", "code"),
    [((255, 255), "plain"), ((7, 7), "plain"), ((0, 15), "low_range"), ((100, 116), "")],
)
def test_images_without_contrast_are_found(levels, code):
    pixels = np.full((64, 64, 3), levels[0], np.uint8)
    pixels[:32] = levels[1]
    found = {check.code: check.find(DecodedImage(pixels, 64, 64, "PNG")) for check in CHECKS}
    assert [name for name, detail in found.items() if detail] == [code] * bool(code)
    assert ("transparent" in (found["plain"] or "")) == (levels == (255, 255))


def test_codes_are_unique():
    codes = [*(check.code for check in CHECKS), *UNUSABLE, *FINDINGS]
    assert len(set(codes)) == len(codes)


def test_the_documentation_has_every_code():
    text = (ROOT / "docs/reference/problems-and-findings.md").read_text(encoding="utf-8")
    unusable, usable, findings, *_ = text.split("\n## ")[1:]
    assert re.findall(r"^\| `(\w+)`", unusable, re.M) == list(UNUSABLE)
    rows = [f"| `{check.code}` | {check.meaning} |" for check in CHECKS]
    assert [row for row in usable.splitlines() if row.startswith("| `")][:-1] == rows
    assert re.findall(r"^\| `(\w+)`", findings, re.M) == list(FINDINGS)


def test_a_check_sees_the_pixels(tmp_path, monkeypatch):
    noisy = Check("noisy", 1, "noise", lambda image: "noise" if image.pixels.std() > 20 else None)
    monkeypatch.setattr(checks, "CHECKS", (*CHECKS, noisy))
    path = draw(tmp_path / "a.png", "cross", 1, size=(31, 200))
    _, result = check_file(path, Limits(max_megapixels=1, max_megabytes=1, decode_timeout=1))
    assert list(result.failed_checks) == ["tiny", "extreme_shape", "noisy"]
    assert result.failed_checks["noisy"] == "noise"
