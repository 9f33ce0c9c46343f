"""Some images of results/images.csv, by their contents."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from classifier.common.disk_array import Rows
from classifier.dataset import manifest, orders
from classifier.dataset.manifest import ImageRow


def select_images(
    images_csv: Path, contents: Rows, selected: np.ndarray
) -> Iterator[tuple[int, ImageRow]]:
    """Yields the images with selected contents, and the number of these, in path order.

    Args:
        images_csv: results/images.csv.
        contents: int (N,), content of each of its rows.
        selected: bool (U,), by content.
    """
    if selected.any():  # or reading all rows is in vain
        rows = manifest.iter_rows(images_csv)
        for block in orders.blocks(len(contents)):
            own = contents[block]
            chosen = zip(own.tolist(), selected[own].tolist(), islice(rows, len(own)), strict=True)
            yield from ((content, row) for content, is_selected, row in chosen if is_selected)


def is_in(count: int, *members: np.ndarray) -> np.ndarray:
    """Returns which of `count` contents are among the members, bool."""
    found = np.zeros(count, bool)
    for one in members:
        found[one] = True
    return found
