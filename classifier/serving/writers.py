"""Writes predictions: as a table for people, as CSV, as JSON."""

import json
from collections.abc import Sequence
from typing import Protocol, TextIO

from classifier.common import files
from classifier.evaluation import predictions
from classifier.serving.classifier import Prediction

ALIGNED = 1000  # rows of the table that are printed together


class Writer(Protocol):
    """Writes predictions one by one.

    Args:
        file: to write to.
        class_names: in the order of the probabilities.
        top_k: number of classes to list, at most that of `class_names`.
    """

    def __init__(self, file: TextIO, class_names: Sequence[str], top_k: int) -> None: ...

    def add(self, prediction: Prediction) -> None:
        """Writes a prediction, or the reason why there is none."""

    def close(self) -> None:
        """Writes what is left; the file stays open."""


class CsvWriter:
    """Writes the columns of results/predictions.csv."""

    def __init__(self, file: TextIO, class_names: Sequence[str], top_k: int) -> None:
        self._class_names, self._top_k = class_names, top_k
        self._writer = files.csv_writer(file)
        self._writer.writerow(predictions.header(top_k))

    def add(self, prediction: Prediction) -> None:
        """Writes a row."""
        self._writer.writerow(row(prediction, self._class_names, self._top_k))

    def close(self) -> None:
        """Does nothing."""


class JsonWriter:
    """Writes an array of objects, one per line."""

    def __init__(self, file: TextIO, class_names: Sequence[str], top_k: int) -> None:
        self._file, self._class_names, self._top_k = file, class_names, top_k
        self._separator = "[\n"

    def add(self, prediction: Prediction) -> None:
        """Writes an object."""
        image, probabilities = prediction.image, prediction.probabilities
        item: dict[str, object] = {"path": image.path, "status": image.problem or "ok"}
        if probabilities is None:
            item["detail"] = image.detail
        else:
            (order,) = predictions.top_classes(probabilities[None], self._top_k)
            item["predicted"] = self._class_names[order[0]]
            item["probabilities"] = {
                self._class_names[k]: round(float(probabilities[k]), 6) for k in order
            }
        self._file.write(self._separator + json.dumps(item, ensure_ascii=False))
        self._separator = ",\n"

    def close(self) -> None:
        """Ends the array."""
        self._file.write("\n]\n" if self._separator == ",\n" else "[]\n")


class TableWriter:
    """Prints aligned columns, ALIGNED rows at a time."""

    def __init__(self, file: TextIO, class_names: Sequence[str], top_k: int) -> None:
        self._file, self._class_names, self._top_k = file, class_names, top_k
        self._rows: list[list[str]] = []

    def add(self, prediction: Prediction) -> None:
        """Collects a row, and prints all rows once there are ALIGNED of them."""
        image = prediction.image
        if prediction.probabilities is None:
            cells: list[object] = [image.path, f"{image.problem}: {image.detail}"]
        else:
            path, _, *cells, _ = row(prediction, self._class_names, self._top_k)
            cells = [path, *cells]
        self._rows.append([printable(str(cell)) for cell in cells])
        if len(self._rows) == ALIGNED:
            self.close()

    def close(self) -> None:
        """Prints the rows; the last cell of each is not padded."""
        widths: dict[int, int] = {}
        for cells in self._rows:
            for column, cell in enumerate(cells[:-1]):
                widths[column] = max(widths.get(column, 0), len(cell))
        for cells in self._rows:
            padded = (cell.ljust(widths[column]) for column, cell in enumerate(cells[:-1]))
            self._file.write("  ".join([*padded, cells[-1]]) + "\n")
        self._rows.clear()


def row(prediction: Prediction, class_names: Sequence[str], top_k: int) -> list[object]:
    """Returns the row of an image in results/predictions.csv."""
    image = prediction.image
    if prediction.probabilities is None:
        return predictions.unreadable_row(image.path, image.problem, top_k)
    return predictions.prediction_row(image.path, prediction.probabilities, class_names, top_k)


def printable(text: str) -> str:
    """Returns text with characters escaped that would break a line or control a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
