"""results/inspection.csv: images that stage `inspect` suspects to be duplicates or errors."""

from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from classifier.common import files
from classifier.dataset import duplicates

PATH = Path("results/inspection.csv")
WRONG_LABEL, OUTLIER = "wrong_label", "outlier"
FINDINGS = (*duplicates.CODES, WRONG_LABEL, OUTLIER)  # most serious first


@dataclass(frozen=True)
class Finding:
    """Something about an image that the user should look at.

    Attributes:
        path: of the image.
        label: its class; empty if unknown.
        finding: one of FINDINGS.
        score: of a duplicate: its similarity to the other image, 1 if they are the same; of a
            wrong label: 1 minus its probability; of an outlier: how much farther than usual it is
            from its nearest neighbours, in robust standard deviations.
        suggested: a class that suits a wrong label's image better.
        other: path of the image that this one duplicates.
        detail: a sentence.
    """

    path: str
    label: str
    finding: str
    score: float
    suggested: str
    other: str
    detail: str


HEADER = tuple(field.name for field in fields(Finding))


def write(path: Path, findings: Iterable[Finding]) -> None:
    """Writes the findings, most serious kind first, highest score first within a kind."""
    order = sorted(findings, key=lambda one: (FINDINGS.index(one.finding), -one.score, one.path))
    cells = ([f"{c:.3f}" if isinstance(c, float) else c for c in astuple(one)] for one in order)
    files.write_csv(path, HEADER, cells)


def read(path: Path) -> list[Finding]:
    """Returns the findings, in the order of the file."""
    return [
        Finding(cells[0], cells[1], cells[2], float(cells[3]), *cells[4:])
        for cells in files.iter_rows(path)
    ]
