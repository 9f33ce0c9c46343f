"""results/exports.csv: how closely each export predicts what the pipeline predicts.

Each model runs in its own runtime on images read by the code that is exported with it, one at a
time.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, fields
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from classifier.common import files
from classifier.common.errors import StageError
from classifier.evaluation import scored_images
from classifier.head import Head
from classifier.images import conversion
from classifier.images.decode import decode_image
from classifier.inference.base import BaseInfo
from classifier.inference.engine import Engine
from stages.export.models import ExportFormat

PATH = Path("results/exports.csv")
IMAGES = 100  # at most
FEW_IMAGES = 4  # at most, where all formats are the pipeline's own network in its own runtime
MAX_PIXELS = 20_000_000  # of an image: models take much memory to resize larger ones
Read = Callable[[str, bool], np.ndarray]
MIN_AGREEMENT = 0.98  # of the images but one
MAX_MEAN_DIFFERENCE = 0.02


@dataclass(frozen=True)
class Agreement:
    """A row of the table; None where nothing was measured.

    Attributes:
        format: its switch in section `export` of params.yaml.
        megabytes: size.
        images: number of images.
        agreement: fraction of them with the pipeline's most probable class.
        mean_difference: in the probability of that class.
        largest_difference: likewise.
        accuracy: on those images whose class is known, none of which was trained on.
        images_per_second: of the model alone, one image at a time.
    """

    format: str
    megabytes: float
    images: int = 0
    agreement: float | None = None
    mean_difference: float | None = None
    largest_difference: float | None = None
    accuracy: float | None = None
    images_per_second: float | None = None

    @property
    def is_bad(self) -> bool:
        """Tells whether the predictions are too unlike the pipeline's."""
        if self.agreement is None or self.mean_difference is None:
            return False
        differing = round((1 - self.agreement) * self.images)
        too_many = differing > 1 + (1 - MIN_AGREEMENT) * self.images
        return too_many or self.mean_difference > MAX_MEAN_DIFFERENCE


@dataclass(frozen=True)
class Sample:
    """Images to measure on.

    Attributes:
        paths: n files.
        labels: int (n,), index of the class; -1 if unknown or trained on.
    """

    paths: Sequence[str]
    labels: np.ndarray


def sample(test: Path, validation: Path, class_names: Sequence[str], most: int) -> Sample:
    """Returns images spread evenly over the test images, without any over the validation images.

    Args:
        test: results/scored_test.csv.
        validation: results/scored_validation.csv.
        class_names: in the order of their indices.
        most: number of images.
    """
    tested = _count(test) > 0
    table = test if tested else validation
    size = _count(table)
    chosen = set(np.linspace(0, max(size - 1, 0), min(size, most)).astype(int).tolist())
    every = enumerate(scored_images.iter_rows(table))
    images = [image for number, image in every if number in chosen]
    labels = [class_names.index(image.label) if tested else -1 for image in images]
    return Sample([image.path for image in images], np.array(labels, int))


def _count(table: Path) -> int:
    return sum(1 for _ in files.iter_rows(table))


def pipeline_probabilities(
    paths: Sequence[str], engine: Engine, head: Head, info: BaseInfo
) -> np.ndarray:
    """Returns the class probabilities of images in the pipeline, float64 (n, C), one view each."""
    ranges = conversion.ranges(head.info.grey_ranges)
    size = info.image_height, info.image_width
    features = [
        engine.features(decode_image(Path(path).read_bytes(), *size, ranges=ranges).pixels[None])
        for path in paths
    ]
    if not features:
        return np.empty((0, len(head.info.class_names)))
    return head.probabilities(np.concatenate(features).astype(info.dtype))


def can_run(one: ExportFormat) -> bool:
    """Tells whether the runtime of a format is installed."""
    return not one.runtime or find_spec(one.runtime) is not None


def measure(
    one: ExportFormat, folder: Path, images: Sample, expected: np.ndarray, read: Read
) -> Agreement:
    """Returns the row of a format.

    Args:
        one: the format.
        folder: of all exports.
        images: to measure on.
        expected: float (n, C), their probabilities in the pipeline.
        read: returns the pixels of an image; takes its path and whether to resize.
    """
    path = folder / one.path
    size = megabytes(path.parent if path.parent != folder else path)
    if not images.paths or not can_run(one):
        return Agreement(one.name, size)
    run, found, used, seconds = one.load(path), list[np.ndarray](), list[int](), 0.0
    for number, image in enumerate(images.paths):
        if (pixels := usable_pixels(read, image, not one.resizes)) is None:
            continue
        if not found:
            run(pixels)  # the first call also initialises the model
        started = time.perf_counter()
        outputs = run(pixels)
        seconds += time.perf_counter() - started
        found.append(np.array(outputs["probabilities"][0]))
        used.append(number)
    if not found:
        return Agreement(one.name, size)
    return compare(one.name, size, np.stack(found), expected[used], images.labels[used], seconds)


def usable_pixels(read: Read, path: str, resize: bool) -> np.ndarray | None:
    """Returns the pixels of an image, (1, H, W, 3), or None if it is odd or very large."""
    try:
        pixels = read(path, resize)
    except (OSError, SyntaxError, ValueError):  # as Pillow raises them
        return None
    return pixels[None] if pixels.size <= 3 * MAX_PIXELS else None


def compare(
    name: str,
    size: float,
    found: np.ndarray,
    expected: np.ndarray,
    labels: np.ndarray,
    seconds: float,
) -> Agreement:
    """Returns the row of a format of `size` megabytes.

    Args:
        name: of the format.
        size: megabytes.
        found: float (n, C), its probabilities.
        expected: float (n, C), those of the pipeline.
        labels: int (n,), index of the class; -1 if unknown.
        seconds: that the format took.
    """
    top, predicted = expected.argmax(axis=1), found.argmax(axis=1)
    differences = np.abs(found - expected)[np.arange(len(top)), top]
    known = labels >= 0
    return Agreement(
        name,
        size,
        len(top),
        float((predicted == top).mean()),
        float(differences.mean()),
        float(differences.max()),
        float((predicted == labels)[known].mean()) if known.any() else None,
        len(top) / seconds,
    )


def megabytes(path: Path) -> float:
    """Returns the size of a file, or of all files of a folder."""
    paths = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    return sum(p.stat().st_size for p in paths) / 1e6


def require_agreement(rows: Sequence[Agreement]) -> None:
    """Raises a StageError that names the formats whose predictions are too unlike."""
    errors = [
        f"export.{row.format}: must predict the pipeline's class for {100 * MIN_AGREEMENT:g} % of "
        f"the images, and its probability to {MAX_MEAN_DIFFERENCE:g} on average; got "
        f"{100 * (row.agreement or 0):.1f} % and {row.mean_difference:.3f} of {row.images}: set it "
        "to false in params.yaml, or install another version of its runtime"
        for row in rows
        if row.is_bad
    ]
    if errors:
        raise StageError(*errors)


def write(path: Path, rows: Sequence[Agreement]) -> None:
    """Writes the table."""
    cells = ([_cell(value) for value in astuple(row)] for row in rows)
    files.write_csv(path, [field.name for field in fields(Agreement)], cells)


def _cell(value: object) -> object:
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else value
