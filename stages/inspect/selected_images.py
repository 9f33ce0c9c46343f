"""Some images of results/images.csv, by their contents."""

from collections.abc import Iterator
from itertools import chain
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
    if not selected.any():  # the table need not be read
        return
    blocks = (contents[block].tolist() for block in orders.blocks(len(contents)))
    rows = zip(chain.from_iterable(blocks), manifest.iter_rows(images_csv), strict=True)
    yield from ((content, row) for content, row in rows if selected[content])


def is_in(count: int, *members: np.ndarray) -> np.ndarray:
    """Returns which of `count` contents are among the members, bool."""
    found = np.zeros(count, bool)
    for one in members:
        found[one] = True
    return found
