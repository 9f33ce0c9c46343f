"""Heat maps of the images whose predictions the report explains."""

from collections.abc import Mapping, Sequence

import numpy as np

from classifier import head, heat_maps
from classifier.cache import fingerprint
from classifier.cache.results import ResultCache, Task
from classifier.common import cores, parallel
from classifier.dataset.manifest import ImageRow
from classifier.heat_maps import SIDE
from classifier.html import thumbnails
from classifier.inference import base, engine

BATCH_SIZE = 4  # images in the network at once


def make(
    rows: Sequence[ImageRow], classes: Mapping[str, int], cache: ResultCache
) -> dict[str, np.ndarray]:
    """Returns the heat map of each image, by path, float64 (SIDE, SIDE).

    Args:
        rows: the images.
        classes: index of the class to explain, by path.
        cache: has those made before; a new head replaces them, so that they stay few.
    """
    if not rows:
        return {}
    network, tasks = _network(), {row.path: _task(row, classes[row.path]) for row in rows}
    known = cache.get(tasks.values())
    heats = {
        path: np.frombuffer(known[task][len(network) :]).reshape(SIDE, SIDE)
        for path, task in tasks.items()
        if known.get(task, b"").startswith(network)
    }
    new = _compute([row for row in rows if row.path not in heats], classes)
    cache.put({tasks[path]: network + heat.tobytes() for path, heat in new.items()})
    return heats | new


def _network() -> bytes:
    """Returns what identifies the way from bytes to a heat map."""
    runtime = engine.runtime(base.read_info(base.FOLDER).engine)
    frozen = fingerprint.of_features(base.files_hash(base.FOLDER), runtime)
    return bytes.fromhex(fingerprint.of_heat_map(frozen, base.files_hash(head.FOLDER)))


def _task(row: ImageRow, class_: int) -> Task:
    return Task((row.sha256,), f"heat map of class {class_}\n{row.conversion}")


def _compute(rows: Sequence[ImageRow], classes: Mapping[str, int]) -> dict[str, np.ndarray]:
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
