"""Heat maps of the images whose predictions the report explains."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from classifier import head, heat_maps
from classifier.cache import fingerprint
from classifier.cache.results import ResultCache, Task
from classifier.common import cores, parallel
from classifier.dataset.manifest import ImageRow
from classifier.head import Head
from classifier.heat_maps import SIDE
from classifier.html import thumbnails
from classifier.inference import base, engine
from classifier.inference.base import BaseInfo
from stages.report import kept_maps
from stages.report.kept_maps import Maps

BATCH_SIZE = 4  # images in the network at once


def make(
    rows: Sequence[ImageRow], classes: Mapping[str, int], folder: Path, cache: ResultCache
) -> dict[str, np.ndarray]:
    """Returns the heat map of each image, by path, float64 (SIDE, SIDE).

    Args:
        rows: the images.
        classes: index of the class to explain, by path.
        folder: of the cache.
        cache: has those made before; a new head replaces them, so that they stay few.
    """
    if not rows:
        return {}
    network = _network()
    of_head = bytes.fromhex(fingerprint.of_heat_map(network, base.files_hash(head.FOLDER)))
    tasks = {row.path: _task(row, classes[row.path]) for row in rows}
    known = cache.get(tasks.values())
    heats = {
        path: np.frombuffer(known[task][len(of_head) :]).reshape(SIDE, SIDE)
        for path, task in tasks.items()
        if known.get(task, b"").startswith(of_head)
    }
    if missing := [row for row in rows if row.path not in heats]:
        trained, info = head.read(head.FOLDER), base.read_info(base.FOLDER)
        maps = _maps(rows, missing, trained, info, folder / kept_maps.FOLDER, network)
        size = info.image_height, info.image_width
        new = {
            row.path: heat_maps.heat_map(maps[_key(row)], trained, classes[row.path], *size)
            for row in missing
        }
        cache.put({tasks[path]: of_head + heat.tobytes() for path, heat in new.items()})
        heats |= new
    return heats


def _network() -> str:
    """Returns what identifies the way from bytes to maps."""
    runtime = engine.runtime(base.read_info(base.FOLDER).engine)
    frozen = fingerprint.of_features(base.files_hash(base.FOLDER), runtime)
    blocks = sorted(head.FOLDER.glob(f"{Path(head.NETWORK).stem}.[xb]*"))  # fine-tuned ones
    return "\n".join([frozen, *(hashlib.sha256(path.read_bytes()).hexdigest() for path in blocks)])


def _task(row: ImageRow, class_: int) -> Task:
    return Task((row.sha256,), f"heat map of class {class_}\n{row.conversion}")


def _key(row: ImageRow) -> bytes:
    return Task((row.sha256,), f"maps\n{row.conversion}").key


def _maps(
    rows: Sequence[ImageRow],
    needed: Sequence[ImageRow],
    trained: Head,
    info: BaseInfo,
    folder: Path,
    network: str,
) -> dict[bytes, Maps]:
    """Returns the maps of the needed images by key.

    Those of `rows` are kept, and those explained before as far as there is room.
    """
    known = kept_maps.read(folder, network, map(_key, needed))
    unknown = [row for row in needed if _key(row) not in known]
    if not unknown:
        return known
    new = _compute(unknown, trained, info)
    kept_maps.write(folder, network, new, {_key(row) for row in rows})
    return known | new


def _compute(rows: Sequence[ImageRow], trained: Head, info: BaseInfo) -> dict[bytes, Maps]:
    explainer, size = heat_maps.load(trained), (info.image_height, info.image_width)

    def computed(batch: Sequence[ImageRow]) -> list[tuple[bytes, Maps]]:
        pixels = np.stack([thumbnails.read(row, *size).pixels for row in batch])
        layers = [layer.astype(np.float16) for layer in explainer.maps(pixels)]
        return list(zip(map(_key, batch), zip(*layers, strict=True), strict=True))

    batches = parallel.batched(rows, BATCH_SIZE)
    results = parallel.prefetch_map(computed, batches, cores.count(), 2 * cores.count())
    return {key: maps for result in results for key, maps in result}
