"""results/confusion.csv: class and predicted class of validation images, for `dvc plots`.

It draws each row, so that a million of them would stop a browser.
"""

from collections.abc import Iterator
from pathlib import Path

from classifier.evaluation.scored_images import ScoredImages

PATH = Path("results/confusion.csv")
HEADER = ("label", "predicted")
ROWS = 20_000  # at most


def rows(scored: ScoredImages) -> Iterator[tuple[str, str]]:
    """Yields the classes of all images; of more than ROWS, of every second, third, ..."""
    step = max(1, -(-len(scored.label) // ROWS))
    columns = (scored.names[column[::step]] for column in (scored.label, scored.predicted))
    return zip(*columns, strict=True)
