"""Push every new picture once through the frozen network, and gather the features of all.

Reads   results/images.csv, input/, models/base
Writes  results/train.npz, results/test.npz
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from stages import (
    base,
    committed,
    database,
    engine,
    features,
    forward,
    images,
    index,
    manifest,
    params,
    progress,
    rows,
)
from stages.base import Base
from stages.errors import StageError, run, warn
from stages.features import Column
from stages.forward import WINDOW, Forward
from stages.images import Pixels
from stages.index import Index
from stages.manifest import Row
from stages.rows import Rows

IN_TRAIN = ("train", "validation")  # splits in results/train.npz
IN_TEST = ("test",)

Table = Callable[[], Iterable[Row]]  # the list of pictures, from the start at every call


@dataclass(frozen=True)
class Params:
    """Section `extract` of params.yaml: memory and speed, without effect on a byte."""

    batch_size: int  # pictures in the network or on their way to the store
    threads: int  # processor cores to use; 0: all

    def __post_init__(self) -> None:
        params.require(self.threads >= 0, "extract.threads", "0 or more", self.threads)
        params.require(self.batch_size >= 1, "extract.batch_size", "1 or more", self.batch_size)


def changed(path: str) -> StageError:
    """Returns the error of a file that is gone or no longer what `validate` saw."""
    return StageError(f"{path}: changed while `dvc repro` was running; run it again")


def pixels(row: Row, height: int, width: int) -> Pixels:
    """Returns a picture as uint8 (height, width, 3).

    Raises:
        StageError: the file is gone or no longer what `validate` saw.
    """
    try:
        with index.opened(Path(row.path)) as (file, seen):
            if seen.sha256 != row.sha256:
                raise changed(row.path)
            return images.decode(file, height, width).pixels
    except OSError:
        raise changed(row.path) from None
    except images.ImageError as error:
        raise StageError(f"{row.path}: {error}; remove or replace it") from None


def verify(table: Iterable[Row], kept: Rows, known: Index) -> None:
    """Checks that the files behind reused features are still what `validate` saw.

    Raises:
        StageError: naming one that is not.
    """
    for window in progress.groups(table, WINDOW):
        have = kept.has({rows.key(row.sha256) for row in window})
        reused = [row for row in window if rows.key(row.sha256) in have]
        hashes = known.hashes([Path(row.path) for row in reused])
        for row in reused:
            if hashes.get(Path(row.path)) != row.sha256:
                raise changed(row.path)


def columns(
    table: Table,
    class_names: tuple[str, ...],
    about: Base,
    fingerprint: str,
    vectors: Iterable[np.ndarray],
) -> dict[str, Column]:
    """Returns the arrays of a results/*.npz; a label that is no class counts as unknown."""
    index = {name: number for number, name in enumerate(class_names)}
    count = longest = 0
    for row in table():
        count, longest = count + 1, max(longest, len(row.path))

    def column(dtype: str, value: Callable[[Row], object]) -> Column:
        windows = progress.groups(table(), WINDOW)
        chunks = (np.array([value(row) for row in window], dtype) for window in windows)
        return Column(np.dtype(dtype), (count,), chunks)

    return {
        "features": Column(np.dtype(about.dtype), (count, *about.feature_shape), vectors),
        "labels": column("<i4", lambda row: index.get(row.label, -1)),
        "class_names": Column.of(np.array(class_names, str)),
        "sha256": column("<U64", lambda row: row.sha256),
        "paths": column(f"<U{max(longest, 1)}", lambda row: row.path),
        "views": column("<i4", lambda row: 0),
        "fingerprint": Column.of(np.array(fingerprint)),
        "weights": Column.of(np.array(about.weights)),
    }


def main(
    images_csv: Path = manifest.PATH,
    folder: Path = base.FOLDER,
    train: Path = features.TRAIN,
    test: Path = features.TEST,
) -> None:
    """Extracts the features of all pictures of images.csv."""
    started = time.perf_counter()
    settings = params.load("extract", Params)
    about, store = base.read_about(folder), database.folder()
    fingerprint = engine.fingerprint(folder)
    note = f"{about}, {engine.name(about.engine)}"
    kept = Rows(store, fingerprint, about.feature_shape, about.dtype, note)

    def table(splits: tuple[str, ...] = IN_TRAIN + IN_TEST) -> Iterator[Row]:
        return (row for row in manifest.stream(images_csv) if row.split in splits)

    if count := forward.count_missing(table(), kept):
        kept.check_index()
    for path in committed.find(train, test) if count else ():
        committed.adopt(kept, path, fingerprint)
    verify(table(), kept, Index(store))
    decode = partial(pixels, height=about.image_height, width=about.image_width)
    passes = Forward(folder, settings.batch_size, kept, decode, settings.threads)
    if count and (count := forward.count_missing(table(), kept)):
        passes.fill(table(), count)
    names, shapes = manifest.class_names(table()), {}
    for out, splits in ((train, IN_TRAIN), (test, IN_TEST)):
        vectors = passes.gather(table(splits))
        arrays = columns(partial(table, splits), names, about, fingerprint, vectors)
        features.write(out, arrays)
        shapes[out] = arrays["features"].shape
    kept.close()
    if kept.damaged:
        warn(f"{kept.path}: {kept.damaged} damaged rows were computed again")
    where = f" on {engine.device(about.engine)}" if passes.new else ""
    print(line(shapes, passes.new, time.perf_counter() - started) + where)


def line(shapes: dict[Path, tuple[int, ...]], new: int, seconds: float) -> str:
    """Returns what the stage says when it has done."""
    total = sum(shape[0] for shape in shapes.values())
    files = ", ".join(f"{path.as_posix()} {shape}" for path, shape in shapes.items())
    reused = f"{total - new} reused"
    return f"extract: {total} pictures, {new} new -> {files}, {reused}, {seconds:.1f} s"


if __name__ == "__main__":
    run(main)
