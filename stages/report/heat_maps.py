"""Heat maps of the images whose predictions the report explains."""

from collections.abc import Mapping, Sequence

import numpy as np

from classifier import head, heat_maps
from classifier.common import cores, parallel
from classifier.dataset.manifest import ImageRow
from classifier.html import thumbnails
from classifier.inference import base

BATCH_SIZE = 4  # images in the network at once


def make(rows: Sequence[ImageRow], classes: Mapping[str, int]) -> dict[str, np.ndarray]:
    """Returns the heat map of each image, by path.

    Args:
        rows: the images.
        classes: index of the class to explain, by path.
    """
    if not rows:
        return {}
    explainer, info = heat_maps.load(head.read(head.FOLDER)), base.read_info(base.FOLDER)

    def explained(batch: Sequence[ImageRow]) -> list[tuple[str, np.ndarray]]:
        size = info.image_height, info.image_width
        pixels = np.stack([thumbnails.read(row, *size).pixels for row in batch])
        heats = explainer.heat_maps(pixels, [classes[row.path] for row in batch])
        return list(zip((row.path for row in batch), heats, strict=True))

    batches = parallel.batched(rows, BATCH_SIZE)
    results = parallel.prefetch_map(explained, batches, cores.count(), 2 * cores.count())
    return {path: heat for result in results for path, heat in result}
