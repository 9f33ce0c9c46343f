"""results/similarity.csv: how similar each image is to the nearest training image of no own group.

Own groups are copies, and images with the same `group` in images.csv.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np

from classifier.common import files
from classifier.dataset import orders
from classifier.dataset.lazy_array import Selected

PATH = Path("results/similarity.csv")
HEADER = ("path", "similarity")


def write(path: Path, paths: Iterable[str], similarity: np.ndarray | Selected) -> None:
    """Writes a row per image, in the order given, without those that are not known (NaN).

    Args:
        path: of the file.
        paths: of N images.
        similarity: float (N,), cosine of features.
    """
    blocks = (similarity[block].tolist() for block in orders.blocks(len(similarity)))
    pairs = zip(paths, chain.from_iterable(blocks), strict=True)
    files.write_csv(path, HEADER, ([one, f"{value:.6f}"] for one, value in pairs if value == value))


def iter_rows(path: Path) -> Iterator[tuple[str, float]]:
    """Yields the path and the similarity of each image where it is known, in path order."""
    return ((image, float(value)) for image, value in files.iter_rows(path))
