"""results/history.csv: loss and accuracy of each epoch."""

import time
from pathlib import Path

from classifier.common import files
from stages.train.training_loop import METRICS, VAL_METRICS, History

PATH = Path("results/history.csv")
COLUMNS = (*METRICS, *VAL_METRICS)
INTERVAL = 1.0  # seconds


def write(path: Path, history: History) -> None:
    """Writes a row per epoch, counted from 1, with digits enough to tell the best epoch."""
    epochs = enumerate(zip(*(history[name] for name in COLUMNS), strict=True), start=1)
    rows = ([epoch, *(f"{value:.10g}" for value in values)] for epoch, values in epochs)
    files.write_csv(path, ("epoch", *COLUMNS), rows)


class LiveHistory:
    """Writes the history while it grows, every INTERVAL at most.

    Args:
        path: results/history.csv.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._next = path, 0.0

    def __call__(self, history: History) -> None:
        """Writes the history so far, unless that was done less than INTERVAL ago."""
        if time.monotonic() >= self._next:
            write(self._path, history)
            self._next = time.monotonic() + INTERVAL
