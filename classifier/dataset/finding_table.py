"""Findings in a temporary database, so that they take no memory however many there are."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby, tee
from operator import itemgetter

from classifier.common.parallel import batched
from classifier.common.scratch import Scratch
from classifier.common.sorted_join import look_up
from classifier.dataset.findings import FINDINGS, Finding
from classifier.dataset.manifest import ImageRow

SCHEMA = (
    "CREATE TABLE findings (kind INTEGER, score REAL, path TEXT, number INTEGER, label TEXT, "
    "suggested TEXT, other TEXT, detail TEXT, PRIMARY KEY (kind, score DESC, path, number)) "
    "WITHOUT ROWID",
    "CREATE INDEX by_path ON findings (path, kind)",
)
ADD = "INSERT INTO findings VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
IN_ORDER = "SELECT path, label, kind, score, suggested, other, detail FROM findings ORDER BY kind, "
IN_ORDER += "score DESC, path, number"
BY_PATH = "SELECT path, kind FROM findings ORDER BY path, kind"
BATCH = 4096  # findings that are added at once


class FindingTable:
    """Findings, in order and by image.

    Args:
        scratch: for the database, open as long as this is used.

    Attributes:
        counts: how many findings there are of each of FINDINGS.
    """

    def __init__(self, scratch: Scratch) -> None:
        self._database, self.counts = scratch.database(*SCHEMA), Counter[str]()

    def add(self, found: Iterable[Finding]) -> None:
        """Adds findings."""
        for batch in batched(found, BATCH):
            number = self.counts.total()
            self.counts.update(one.finding for one in batch)
            self._database.execute("BEGIN")
            self._database.executemany(ADD, map(_row, range(number, number + len(batch)), batch))
            self._database.execute("COMMIT")

    def __iter__(self) -> Iterator[Finding]:
        """Yields the most serious kind first, the highest score first within a kind."""
        for path, label, kind, *others in self._database.execute(IN_ORDER):
            yield Finding(path, label, FINDINGS[kind], *others)

    def by_image(self, rows: Iterable[ImageRow]) -> Iterator[tuple[ImageRow, list[str]]]:
        """Returns each image, and the kinds of findings about it, most serious first.

        Args:
            rows: of results/images.csv.
        """
        by_path = groupby(self._database.execute(BY_PATH), itemgetter(0))
        kinds = ((path, [FINDINGS[kind] for _, kind in found]) for path, found in by_path)
        images, same = tee(rows)
        return zip(images, look_up((row.path for row in same), kinds, []), strict=True)


def _row(number: int, one: Finding) -> tuple[object, ...]:
    kind = FINDINGS.index(one.finding)
    return kind, one.score, one.path, number, one.label, one.suggested, one.other, one.detail
