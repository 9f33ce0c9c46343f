"""What runs in the processes of a Ray cluster: decode images, and compute features on one core."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from classifier.cache import fingerprint
from classifier.cache.features import NewRows, new_rows
from classifier.cluster import identity
from classifier.cluster.identity import Identity
from classifier.common import parallel
from classifier.common.errors import StageError
from classifier.dataset.manifest import ImageRow
from classifier.images.augmentation import View
from classifier.images.decode import Pixels
from classifier.inference import base, engine
from classifier.inference.engine import Engine
from stages.extract.forward import Decode
from stages.extract.images import ChangedError


@dataclass(frozen=True)
class Work:
    """What all tasks of a run share."""

    network: dict[str, np.ndarray]  # bytes of the files of models/base, by name
    dtype: str  # of the features in the cache
    decode: Decode
    identity: Identity  # of the machine that keeps the cache


# row, number and key of each view of an image to compute: tuples, which are pickled in a third of
# the time; and the content of its file, None: read the file
Image = tuple[list[tuple[tuple[Any, ...], int, bytes]], bytes | None]


def pack(views: list[View], content: bytes | None) -> Image:
    """Returns what to send of an image."""
    return [(tuple(row), number, key) for row, number, key in views], content


def views(image: Image) -> list[View]:
    """Returns the views of an image that was sent."""
    return [View(ImageRow(*row), number, key) for row, number, key in image[0]]


@dataclass(frozen=True)
class Answer:
    """What a task returns."""

    computed: NewRows | None
    unread: list[int]  # positions of the images whose file is not on this machine


_engines: dict[Identity, Engine] = {}  # of this process: at most one


def of_machine(folder: Path) -> Identity:
    """Returns the identity of this machine with the network in the folder."""
    runtime = engine.runtime(base.read_info(folder).engine)
    return identity.of_machine(
        f"{fingerprint.of_pixels()}, {runtime}",
        fingerprint.of_features(base.files_hash(folder), runtime),
    )


def compute(work: Work, images: list[Image]) -> Answer:
    """Returns the features of the views of some images.

    Raises:
        StageError: this machine would compute other features, or an image cannot be decoded.
    """
    network = _engines.get(work.identity) or _load(work)
    keys, features, unread = list[bytes](), list[np.ndarray](), list[int]()

    def decoded() -> Iterator[tuple[bytes, Pixels]]:
        for position, image in enumerate(images):
            content, some = image[1], views(image)
            try:
                pixels = work.decode(some, content)
            except ChangedError:
                if content is not None:
                    raise
                unread.append(position)
            else:
                yield from zip((view.key for view in some), pixels, strict=True)

    for batch in parallel.batched(decoded(), network.max_batch_size):
        keys += [key for key, _ in batch]
        features.append(network.features(np.stack([pixels for _, pixels in batch])))
    if not keys:
        return Answer(None, unread)
    computed = np.concatenate(features)
    return Answer(new_rows(work.identity.fingerprint, work.dtype, keys, computed), unread)


def _load(work: Work) -> Engine:
    """Returns the network, ready to run on one core, if this machine is like the other."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        for file, content in work.network.items():
            content.tofile(folder / file)
        own = of_machine(folder)
        if difference := identity.difference(own, work.identity):
            raise StageError(difference)
        _engines.clear()  # of another run
        _engines[own] = engine.load(folder, threads=1)
    return _engines[own]
