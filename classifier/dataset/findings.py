"""results/inspection.csv: images that stage `inspect` suspects to be duplicates or errors."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from classifier.common import files
from classifier.dataset import duplicates

PATH = Path("results/inspection.csv")
WRONG_LABEL, OUTLIER = "wrong_label", "outlier"
FINDINGS = (*duplicates.CODES, WRONG_LABEL, OUTLIER)  # most serious first


class Finding(NamedTuple):
    """Something about an image that the user should look at.

    The score of a duplicate is its similarity to the other image, 1 if they are the same; that of
    a wrong label 1 minus its probability; that of an outlier how much farther than usual it is
    from its nearest neighbours, in robust standard deviations.
    """

    path: str
    label: str  # its class; empty if unknown
    finding: str  # one of FINDINGS
    score: float
    suggested: str  # a class that suits a wrong label's image better
    other: str  # path of the image that this one duplicates
    detail: str  # a sentence


def write(path: Path, findings: Iterable[Finding]) -> None:
    """Writes the findings, most serious kind first, highest score first within a kind."""
    order = sorted(findings, key=lambda one: (FINDINGS.index(one.finding), -one.score, one.path))
    rows = ([f"{c:.3f}" if isinstance(c, float) else c for c in finding] for finding in order)
    files.write_csv(path, Finding._fields, rows)


def read(path: Path) -> list[Finding]:
    """Returns the findings, in the order of the file."""
    return [
        Finding(image, label, code, float(score), *others)
        for image, label, code, score, *others in files.iter_rows(path)
    ]
