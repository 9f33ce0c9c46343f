"""Classifies images in any number, each content once: what was computed before is in the cache."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path

import numpy as np

from classifier.cache import fingerprint
from classifier.cache.features import FeatureCache
from classifier.cache.files import DecodeResult, FileIdentity, FileIndex
from classifier.common import cores, parallel
from classifier.dataset.features import rows_per_chunk
from classifier.images import conversion
from classifier.images.augmentation import view_key
from classifier.serving import downloads, inputs
from classifier.serving.classifier import BATCH_SIZE, Classifier, Prediction
from classifier.serving.inputs import ImageSource, LoadedImage

CHUNKS = 8  # groups of cached features that fit into one chunk: several are in memory
REMEMBERED = 256  # images that are written to the index of files at once
PASSING = ("too_slow", "crashed", "busy")  # problems that another attempt may not have


@dataclass(frozen=True)
class _Group:
    """Images that are worked on together.

    Attributes:
        images: loaded, or known from the index of files.
        features: (n, V, *feature_shape) of the n images without a problem; None: none of them.
        new: those of them that are not cached yet, by key.
    """

    images: Sequence[LoadedImage]
    features: np.ndarray | None = None
    new: dict[bytes, np.ndarray] = field(default_factory=dict)


class CachedClassifier:
    """A classifier with the cache of features and the index of files that have been read.

    Args:
        classifier: that predicts; it is closed with this.
        folder: of the cache.

    Attributes:
        limits: on each image.
        new: number of images that went through the network.
    """

    def __init__(self, classifier: Classifier, folder: Path) -> None:
        model, limits = classifier.model, classifier.limits
        self._classifier, self.limits, self.new = classifier, limits, 0
        self._ranges = conversion.ranges(classifier.info.grey_ranges)
        known = model.fingerprint, model.feature_shape, model.dtype, model.note
        self._cache, self._index = FeatureCache(folder, *known), FileIndex(folder)
        limited = f"at most {limits.pixels} pixels and {limits.size} bytes"
        self._recipe = f"classify, {fingerprint.of_decode_result()}, {limited}"
        self._identities: dict[Path, FileIdentity] = {}
        self._results: dict[str, DecodeResult] = {}

    def predict(self, sources: Iterable[ImageSource]) -> Generator[Prediction, None, None]:
        """Yields the prediction for each image, in order; few are in memory."""
        calls, workers = self._classifier.model.concurrency, 2 * cores.count()
        groups = parallel.prefetch_map(self._load, self._groups(sources), workers, 2 * workers)
        try:
            for group in parallel.prefetch_map(self._compute, groups, calls, 2 * calls):
                if group.new:
                    self._cache.put(list(group.new), np.stack(list(group.new.values())))
                    self.new += len(group.new) // len(self._classifier.info.tta_views)
                self._remember(group.images)
                yield from self._classifier.predictions(group.images, group.features)
        finally:
            self._index.remember(self._recipe, self._identities, self._results)

    def close(self) -> None:
        """Ends the processes and closes the files."""
        self._classifier.close()
        self._cache.close()
        self._index.close()

    def _groups(self, sources: Iterable[ImageSource]) -> Iterator[_Group | list[ImageSource]]:
        """Yields images whose features are cached in large groups, the others in small ones."""
        rows = rows_per_chunk(self._cache.shape, self._cache.dtype)
        size = max(1, rows // len(self._classifier.info.tta_views) // CHUNKS)
        for window in parallel.batched(sources, size):
            known = self._known(window)
            for is_known, some in groupby(window, known.__contains__):
                if not is_known:
                    yield from parallel.batched(some, BATCH_SIZE)
                    continue
                images, features = zip(*(known[source] for source in some), strict=True)
                vectors = [one for one in features if one is not None]
                yield _Group(images, np.stack(vectors) if vectors else None)

    def _known(
        self, window: Sequence[ImageSource]
    ) -> dict[ImageSource, tuple[LoadedImage, np.ndarray | None]]:
        """Returns the images that need not be read, with features unless they have a problem."""
        files = {Path(source.path): source for source in window if _is_file(source)}
        hashes = self._index.known(files)
        results = self._index.decode_results(self._recipe, set(hashes.values()))
        images = {
            files[path]: (inputs.known(files[path], sha256, results[sha256], self._ranges), keys)
            for path, sha256 in hashes.items()
            if sha256 in results
            for keys in [self._keys(sha256, results[sha256].conversion)]
        }
        wanted = [key for image, keys in images.values() if not image.problem for key in keys]
        rows = self._cache.get(wanted)
        found: dict[ImageSource, tuple[LoadedImage, np.ndarray | None]] = {}
        for source, (image, keys) in images.items():
            if image.problem:
                found[source] = image, None
            elif all(key in rows for key in keys):
                found[source] = image, np.stack([rows[key] for key in keys])
        return found

    def _load(self, group: _Group | list[ImageSource]) -> _Group:
        if isinstance(group, _Group):
            return group
        return _Group([self._classifier.load(source) for source in group])

    def _compute(self, group: _Group) -> _Group:
        """Returns the group with features: those of new contents go through the network."""
        images = [image for image in group.images if image.decoded]
        if not images:
            return group
        keys = [self._keys(one.sha256, one.decoded.conversion) for one in images if one.decoded]
        rows = self._cache.get(key for some in keys for key in some)
        new = [place for place, some in enumerate(keys) if not all(key in rows for key in some)]
        computed: dict[bytes, np.ndarray] = {}
        if new:
            for place, vectors in zip(
                new, self._classifier.features([images[place] for place in new]), strict=True
            ):
                computed |= dict(zip(keys[place], vectors, strict=True))
        rows |= computed
        features = np.stack([np.stack([rows[key] for key in some]) for some in keys])
        return replace(group, features=features, new=computed)

    def _keys(self, sha256: str, conversion_: str) -> list[bytes]:
        """Returns the keys of an image's views."""
        info = self._classifier.info
        depends_on = conversion.key(conversion.with_ranges(conversion_, self._ranges))
        of_image = info.augmentation_id, depends_on
        return [view_key(sha256, number, *of_image) for number in info.tta_views]

    def _remember(self, images: Sequence[LoadedImage]) -> None:
        """Notes what reading the images gave; many are written at once."""
        for image in images:
            if image.result and image.problem not in PASSING:
                self._identities[Path(image.path)] = FileIdentity(image.sha256, image.signature)
                self._results[image.sha256] = image.result
        if len(self._identities) >= REMEMBERED:
            self._index.remember(self._recipe, self._identities, self._results)
            self._identities, self._results = {}, {}


def _is_file(source: ImageSource) -> bool:
    """Tells whether an image may be in the index of files, whose names are UTF-8."""
    is_path = not (source.file or downloads.is_address(source.path))
    return is_path and inputs.utf8_path(source) == source.path
