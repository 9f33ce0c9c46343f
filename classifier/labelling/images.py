"""The images to label: which they are, and their features, from the cache or the network."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from classifier.cache import database
from classifier.cache.features import FeatureCache
from classifier.cache.files import FileIndex
from classifier.common import parallel
from classifier.common.errors import StageError
from classifier.dataset import input_files, label_writer, manifest
from classifier.dataset.features import rows_per_chunk
from classifier.dataset.folders import UNLABELLED, InputFile
from classifier.dataset.label_list import LabelList
from classifier.dataset.manifest import ImageRow
from classifier.images import conversion
from classifier.images.augmentation import view_key
from classifier.labelling import learner
from classifier.serving import models
from classifier.serving.cached_classifier import CachedClassifier
from classifier.serving.classifier import Classifier
from classifier.serving.inputs import ImageSource
from classifier.serving.models import FrozenNetwork

Found = tuple[Path, str, np.ndarray]  # path, SHA-256, features


@dataclass(frozen=True)
class Images:
    """N images that can be read, in path order.

    Attributes:
        paths: of the files.
        hashes: SHA-256 of their contents.
        points: float32 (N, K), along their principal axes.
        new: number of images that went through the network.
    """

    paths: list[Path]
    hashes: list[str]
    points: np.ndarray
    new: int


def pool_files(listed: LabelList) -> list[InputFile]:
    """Returns the files that may be labelled: training images and images without a label.

    Raises:
        StageError: there are none.
    """
    found = []
    for file in input_files.find(LabelList()):
        row = listed.get(file.path)
        now = input_files.listed_file(file, row) if row else file
        is_open = file.split == UNLABELLED or now.split in ("train", UNLABELLED)
        if is_open and label_writer.fits(file.path):
            found.append(file)
    others = (path for path in listed if not input_files.is_found(path))
    found += [InputFile(path, "train", "") for path in others if label_writer.fits(path)]
    if not found:
        raise StageError(
            "input/unlabelled: no images to label; put the images there, in folders or not"
        )
    return sorted(found, key=lambda file: file.path.as_posix())


def load(paths: Sequence[Path], on_image: Callable[[], object]) -> Images:
    """Returns those of the images that can be read.

    Args:
        paths: in path order.
        on_image: called after each image.

    Raises:
        StageError: no image can be read, or there is no network.
    """
    folder, limits = database.cache_folder(), models.limits(None)
    rows, conversions = _known_rows(paths)
    network = FrozenNetwork(conversion.all_ranges(conversions))
    folder.mkdir(parents=True, exist_ok=True)
    with (
        closing(CachedClassifier(Classifier(network, limits), folder)) as runner,
        tempfile.TemporaryFile(dir=folder) as file,
    ):
        found, hashes = list[Path](), list[str]()
        for path, sha256, vector in _features(paths, rows, network, folder, runner):
            file.write(np.ascontiguousarray(vector, np.float32).tobytes())
            found.append(path)
            hashes.append(sha256)
            on_image()
        if not found:
            raise StageError("python -m classifier label: no image can be read")
        file.flush()
        vectors = np.memmap(file, np.float32, "r", shape=(len(found), network.feature_shape[-1]))
        points = learner.principal_axes(vectors)
    order = sorted(range(len(found)), key=lambda place: found[place].as_posix())
    by_path = [found[place] for place in order], [hashes[place] for place in order]
    return Images(*by_path, points[order], runner.new)


def _known_rows(paths: Sequence[Path]) -> tuple[dict[Path, ImageRow], set[str]]:
    """Returns what `validate` knows about some images, and the conversions of all."""
    wanted = {path.as_posix(): path for path in paths}
    rows, conversions = dict[Path, ImageRow](), set[str]()
    for table in (manifest.PATH, manifest.UNLABELLED):
        for row in manifest.iter_rows(table) if table.exists() else ():
            conversions.add(row.conversion)
            if row.path in wanted:
                rows[wanted[row.path]] = row
    return rows, conversions


def _features(
    paths: Sequence[Path],
    rows: dict[Path, ImageRow],
    network: FrozenNetwork,
    folder: Path,
    runner: CachedClassifier,
) -> Iterator[Found]:
    """Yields the features of the images that can be read, float (D,)."""
    size = rows_per_chunk(network.feature_shape, np.dtype(network.dtype))
    known = network.fingerprint, network.feature_shape, network.dtype, network.note
    missing = list[Path]()
    with closing(FeatureCache(folder, *known)) as cache, closing(FileIndex(folder)) as index:
        for chunk in parallel.batched(paths, size):
            hashes = index.known(chunk)
            keys = {
                path: view_key(sha256, conversion_key=conversion.key(rows[path].conversion))
                for path, sha256 in hashes.items()
                if path in rows and rows[path].sha256 == sha256
            }
            cached = cache.get(keys.values())
            for path in chunk:
                if path in keys and keys[path] in cached:
                    yield path, hashes[path], _averaged(cached[keys[path]])
                else:
                    missing.append(path)
    with closing(runner.predict(ImageSource(str(path)) for path in missing)) as results:
        for path, one in zip(missing, results, strict=True):
            if one.features is not None:
                yield path, one.image.sha256, _averaged(one.features)


def _averaged(features: np.ndarray) -> np.ndarray:
    """Returns the mean over a map, float32 (D,); a vector stays as it is."""
    return features.reshape(-1, features.shape[-1]).mean(axis=0, dtype=np.float32)
