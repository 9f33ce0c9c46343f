"""What is answered about new images: as a table for people, as CSV, as JSON."""

import csv
import json
from collections.abc import Sequence
from typing import Protocol, TextIO

import numpy as np

from classifier.evaluation import predictions
from classifier.serving.inputs import LoadedImage

LINES = 1000  # of the table, aligned with each other


class Writer(Protocol):
    """Takes the images, one by one, and writes what is asked for."""

    def add(self, read: LoadedImage, probabilities: np.ndarray | None) -> None:
        """Takes an image; without probabilities it could not be read."""

    def close(self) -> None:
        """Writes what is still to be written."""


class CsvWriter:
    """Writes what results/predictions.csv has."""

    def __init__(self, file: TextIO, class_names: Sequence[str], count: int) -> None:
        self._names, self._count = class_names, count
        self._writer = csv.writer(file, lineterminator="\n")
        self._writer.writerow(predictions.header(count))

    def add(self, read: LoadedImage, probabilities: np.ndarray | None) -> None:
        """Writes a row."""
        self._writer.writerow(row(read, probabilities, self._names, self._count))

    def close(self) -> None:
        """Has nothing to add."""


class JsonWriter:
    """Writes an array of objects, one a line."""

    def __init__(self, file: TextIO, class_names: Sequence[str], count: int) -> None:
        self._file, self._names, self._count = file, class_names, count
        self._before = "[\n"

    def add(self, read: LoadedImage, probabilities: np.ndarray | None) -> None:
        """Writes an object."""
        said: dict[str, object] = {"path": read.path, "status": read.problem or "ok"}
        if probabilities is None:
            said["detail"] = read.detail
        else:
            (order,) = predictions.top_classes(probabilities[None], self._count)
            chances = {self._names[k]: round(float(probabilities[k]), 6) for k in order}
            said |= {"predicted": self._names[order[0]], "probabilities": chances}
        self._file.write(self._before + json.dumps(said, ensure_ascii=False))
        self._before = ",\n"

    def close(self) -> None:
        """Ends the array."""
        self._file.write("\n]\n" if self._before == ",\n" else "[]\n")


class TableWriter:
    """Prints columns for people, LINES rows at a time."""

    def __init__(self, file: TextIO, class_names: Sequence[str], count: int) -> None:
        self._file, self._names, self._count = file, class_names, count
        self._rows: list[list[str]] = []

    def add(self, read: LoadedImage, probabilities: np.ndarray | None) -> None:
        """Takes a row, and prints those before if they are enough."""
        cells = row(read, probabilities, self._names, self._count)[:-1]
        if probabilities is None:
            cells = [read.path, f"{read.problem}: {read.detail}"]
        self._rows.append([printable(str(cell)) for cell in cells if cell != "ok"])
        if len(self._rows) == LINES:
            self.close()

    def close(self) -> None:
        """Prints the rows, each column as wide as its widest cell."""
        whole = [cells for cells in self._rows if len(cells) > 2]
        widths = [max(map(len, column)) for column in zip(*whole, strict=True)]
        widths = widths or [0]
        widths[0] = max((len(cells[0]) for cells in self._rows), default=0)
        for cells in self._rows:
            padded = map(str.ljust, cells[:-1], widths)
            self._file.write("  ".join([*padded, cells[-1]]) + "\n")
        self._rows.clear()


def row(
    read: LoadedImage, probabilities: np.ndarray | None, class_names: Sequence[str], count: int
) -> list[object]:
    """Returns the row of an image as results/predictions.csv has it."""
    if probabilities is None:
        return predictions.unreadable_row(read.path, read.problem, count)
    return predictions.prediction_row(read.path, probabilities, class_names, count)


def printable(text: str) -> str:
    """Returns text with escapes for what would break a line or steer a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
