"""Push every new picture once through the frozen network, and gather the features of all.

Reads   results/images.csv, input/, models/base
Writes  results/train.npz, results/test.npz
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
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
    views,
)
from stages.averaging import Averaging
from stages.base import Base
from stages.errors import StageError, run, warn
from stages.features import Column
from stages.forward import WINDOW, Forward
from stages.images import Pixels
from stages.index import Index
from stages.manifest import Row
from stages.rows import Rows
from stages.views import Alterations, Copies, View

IN_TRAIN = ("train", "validation")  # splits in results/train.npz
IN_TEST = ("test",)

Table = Callable[[], Iterable[View]]  # the list of views, from the start at every call


@dataclass(frozen=True)
class Params(Copies):
    """Section `extract` of params.yaml; these two have no effect on a byte."""

    batch_size: int  # pictures in the network or on their way to the store
    threads: int  # processor cores to use; 0: all

    def __post_init__(self) -> None:
        super().__post_init__()
        params.require(self.threads >= 0, "extract.threads", "0 or more", self.threads)
        params.require(self.batch_size >= 1, "extract.batch_size", "1 or more", self.batch_size)


def changed(path: str) -> StageError:
    """Returns the error of a file that is gone or no longer what `validate` saw."""
    return StageError(f"{path}: changed while `dvc repro` was running; run it again")


def pixels(view: View, height: int, width: int, alterations: Alterations) -> Pixels:
    """Returns a view of a picture as uint8 (height, width, 3).

    Raises:
        StageError: the file is gone or no longer what `validate` saw.
    """
    sha256 = view.row.sha256
    picture = LATEST(view.row.path, sha256, height, width)
    return views.altered(picture, sha256, view.number, alterations)


def decoded(path: str, sha256: str, height: int, width: int) -> Pixels:
    """Returns a picture as uint8 (height, width, 3), not to be written to.

    Raises:
        StageError: the file is gone or its hash is another.
    """
    try:
        with index.opened(Path(path)) as (file, seen):
            if seen.sha256 != sha256:
                raise changed(path)
            return images.decode(file, height, width).pixels
    except OSError:
        raise changed(path) from None
    except images.ImageError as error:
        raise StageError(f"{path}: {error}; remove or replace it") from None


LATEST = progress.Once(decoded, 32)  # a picture's views are asked for one after the other


def verify(table: Iterable[View], kept: Rows, known: Index) -> None:
    """Checks that the files behind reused features are still what `validate` saw.

    Raises:
        StageError: naming one that is not.
    """
    for window in progress.groups(table, WINDOW):
        have = kept.has({view.key for view in window})
        reused = {view.row.path: view.row.sha256 for view in window if view.key in have}
        hashes = known.hashes(map(Path, reused))
        for path, sha256 in reused.items():
            if hashes.get(Path(path)) != sha256:
                raise changed(path)


def columns(
    table: Table,
    class_names: tuple[str, ...],
    about: Base,
    identity: Mapping[str, object],
    vectors: Iterable[np.ndarray],
) -> dict[str, Column]:
    """Returns the arrays of a results/*.npz; a label that is no class counts as unknown.

    Args:
        table: the views.
        class_names: of the labels.
        about: the network.
        identity: arrays that say what the whole is of.
        vectors: the features, some views at a time.
    """
    number = {name: number for number, name in enumerate(class_names)}
    count = longest = 0
    for view in table():
        count, longest = count + 1, max(longest, len(view.row.path))

    def column(dtype: str, value: Callable[[View], object]) -> Column:
        windows = progress.groups(table(), WINDOW)
        chunks = (np.array([value(view) for view in window], dtype) for window in windows)
        return Column(np.dtype(dtype), (count,), chunks)

    return {
        "features": Column(np.dtype(about.dtype), (count, *about.feature_shape), vectors),
        "labels": column("<i4", lambda view: number.get(view.row.label, -1)),
        "class_names": Column.of(np.array(class_names, str)),
        "sha256": column("<U64", lambda view: view.row.sha256),
        "paths": column(f"<U{max(longest, 1)}", lambda view: view.row.path),
        "views": column("<i4", lambda view: view.number),
        **{name: Column.of(np.array(value)) for name, value in identity.items()},
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
    averaging = params.load("predict", Averaging, whole=False)
    about, store = base.read_about(folder), database.folder()
    fingerprint = engine.fingerprint(folder)
    note = f"{about}, {engine.name(about.engine)}"
    kept = Rows(store, fingerprint, about.feature_shape, about.dtype, note)

    def pictures(splits: tuple[str, ...] = IN_TRAIN + IN_TEST) -> Iterator[Row]:
        return (row for row in manifest.stream(images_csv) if row.split in splits)

    def table(splits: tuple[str, ...] = IN_TRAIN + IN_TEST) -> Iterator[View]:
        return views.of(pictures(splits), settings, averaging)

    if count := forward.count_missing(table(), kept):
        kept.check_index()
    for path in committed.find(train, test) if count else ():
        committed.adopt(kept, path, fingerprint)
    verify(table(), kept, Index(store))
    height, width = about.image_height, about.image_width
    decode = partial(pixels, height=height, width=width, alterations=settings)
    passes = Forward(folder, settings.batch_size, kept, decode, settings.threads)
    if count and (count := forward.count_missing(table(), kept)):
        passes.fill(table(), count)
    names, shapes = manifest.class_names(pictures()), {}
    altered = settings.augmented_copies or averaging.average_views > 2
    identity = {
        "learned": np.arange(settings.augmented_copies + 1, dtype="<i4"),
        "averaged": np.array(averaging.numbers(), "<i4"),
        "drawing": settings.drawing() if altered else "",
        "fingerprint": fingerprint,
        "weights": about.weights,
    }
    for out, splits in ((train, IN_TRAIN), (test, IN_TEST)):
        vectors = passes.gather(table(splits))
        arrays = columns(partial(table, splits), names, about, identity, vectors)
        features.write(out, arrays)
        shapes[out] = arrays["features"].shape
    kept.close()
    if kept.damaged:
        warn(f"{kept.path}: {kept.damaged} damaged rows were computed again")
    where = f" on {engine.device(about.engine)}" if passes.new else ""
    several = settings.augmented_copies or averaging.average_views > 1
    count = sum(1 for _ in pictures()) if several else sum(shape[0] for shape in shapes.values())
    print(line(count, shapes, passes.new, time.perf_counter() - started) + where)


def line(count: int, shapes: dict[Path, tuple[int, ...]], new: int, seconds: float) -> str:
    """Returns what the stage says when it has done."""
    total = sum(shape[0] for shape in shapes.values())
    files = ", ".join(f"{path.as_posix()} {shape}" for path, shape in shapes.items())
    views = f" in {total} views" if total != count else ""
    done = f"{new} new -> {files}, {total - new} reused, {seconds:.1f} s"
    return f"extract: {count} pictures{views}, {done}"


if __name__ == "__main__":
    run(main)
