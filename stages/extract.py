"""Push every picture once through the frozen network and keep its features.

Reads   results/images.csv, input/, models/base
Writes  results/train.npz, results/test.npz
"""

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from stages import base, features, images, manifest, params, progress
from stages.engine import Engine
from stages.errors import StageError, run
from stages.features import Pictures
from stages.images import Pixels
from stages.manifest import Row


@dataclass(frozen=True)
class Params:
    """Section `extract` of params.yaml."""

    batch_size: int  # pictures in a run of the network: changes memory and speed, not a byte

    def __post_init__(self) -> None:
        params.require(self.batch_size >= 1, "extract.batch_size", "1 or more", self.batch_size)


def pictures(
    rows: list[Row], class_names: tuple[str, ...], fingerprint: str, weights: str
) -> Pictures:
    """Returns what the features of the rows are of; a label that is no class counts as unknown."""
    index = {name: number for number, name in enumerate(class_names)}
    return Pictures(
        labels=np.array([index.get(row.label, -1) for row in rows], np.int32),
        class_names=np.array(class_names, str),
        sha256=np.array([row.sha256 for row in rows], "U64"),
        paths=np.array([row.path for row in rows], str),
        views=np.zeros(len(rows), np.int32),
        fingerprint=np.array(fingerprint),
        weights=np.array(weights),
    )


def pixels(row: Row, height: int, width: int) -> Pixels:
    """Returns a picture as uint8 (height, width, 3).

    Raises:
        StageError: the file is gone or no longer what `validate` saw.
    """
    changed = f"{row.path}: changed while `dvc repro` was running; run it again"
    try:
        data = Path(row.path).read_bytes()
    except OSError as error:
        raise StageError(f"{changed} ({error.strerror})") from None
    if hashlib.sha256(data).hexdigest() != row.sha256:
        raise StageError(changed)
    try:
        return images.decode(data, height, width).pixels
    except images.ImageError as error:
        raise StageError(f"{row.path}: {error}; remove or replace it") from None


def batches(
    decoded: Iterable[Pixels], batch_size: int, compute: Callable[[Pixels], np.ndarray]
) -> Iterator[np.ndarray]:
    """Yields the features of `batch_size` pictures at a time, float32 (n, *dimensions)."""
    decoded = iter(decoded)
    while group := list(islice(decoded, batch_size)):
        yield compute(np.stack(group))


def main(
    images_csv: Path = manifest.PATH,
    folder: Path = base.FOLDER,
    train: Path = features.TRAIN,
    test: Path = features.TEST,
) -> None:
    """Extracts the features of all pictures of images.csv."""
    started = time.perf_counter()
    rows = manifest.read(images_csv)
    size = min(params.load("extract", Params).batch_size, len(rows))
    about, engine = base.read_about(folder), Engine(folder)
    fingerprint = base.fingerprint(folder, f"{images.recipe()} {engine.name}")
    names = manifest.class_names(rows)
    workers = os.cpu_count() or 1
    said = []
    with progress.bar("extract", len(rows)) as bar:

        def compute(stack: Pixels) -> np.ndarray:
            result = engine.features(stack, size)
            bar.update(len(stack))
            return result

        for out, wanted in ((train, ("train", "validation")), (test, ("test",))):
            part = [row for row in rows if row.split in wanted]
            decoded = progress.ahead(
                lambda row: pixels(row, about.image_height, about.image_width),
                part,
                workers,
                waiting=size + 2 * workers,
            )
            of = pictures(part, names, fingerprint, about.weights)
            shape = features.write(out, of, engine.dimensions, batches(decoded, size, compute))
            said.append(f"{out.as_posix()} {shape}")
    seconds = time.perf_counter() - started
    count = f"{len(rows)} pictures, {len(rows)} new"
    print(f"extract: {count} -> {', '.join(said)}, {seconds:.1f} s on {engine.device}")


if __name__ == "__main__":
    run(main)
