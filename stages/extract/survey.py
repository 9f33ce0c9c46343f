"""One pass over all images before any feature is computed."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from classifier.cache.features import FeatureCache
from classifier.cache.files import FileIndex
from classifier.common import objects, parallel
from classifier.images.augmentation import ORIGINAL, View
from stages.extract.forward import WINDOW
from stages.extract.images import changed
from stages.extract.parts import Spill

SPLITS = {"train": ("train", "validation"), "test": ("test",), "unlabelled": ("unlabelled",)}
TABLES = {split: name for name, splits in SPLITS.items() for split in splits}


@dataclass
class Survey:
    """What one pass over all images finds.

    Attributes:
        tables: the images of each table.
        missing: views without cached features; a repeated one counts again.
        views: their number, by table.
        classes: labels of the training images.
        conversions: of all images.
    """

    tables: Mapping[str, Spill]
    missing: int = 0
    views: Counter[str] = field(default_factory=Counter)
    classes: set[str] = field(default_factory=set)
    conversions: set[str] = field(default_factory=set)


def survey(views: Iterable[View], cache: FeatureCache, index: FileIndex, file: IO[bytes]) -> Survey:
    """Counts the views, and checks the files of this machine whose features are cached.

    Args:
        views: of all images, ORIGINAL first.
        cache: of features.
        index: of files.
        file: for the rows of all images.

    Raises:
        StageError: one of these is missing or no longer what `validate` has read.
    """
    result = Survey({name: Spill(file) for name in SPLITS})
    for window in parallel.batched(views, WINDOW):
        cached = cache.has({view.key for view in window})
        paths = {Path(view.row.path): view.row.sha256 for view in window if view.key in cached}
        reused = {path: paths[path] for path in paths if not objects.address_of(path)}
        hashes = index.hashes(reused)
        for path, sha256 in reused.items():
            if hashes.get(path) != sha256:
                raise changed(path.as_posix())
        result.missing += len({view.key for view in window} - cached)
        for view in window:
            name = TABLES[view.row.split]
            result.views[name] += 1
            if view.number == ORIGINAL:
                result.tables[name].add(view.row)
                result.conversions.add(view.row.conversion)
                if view.row.split == "train":
                    result.classes.add(view.row.label)
    return result
