"""results/exports.csv: how closely each export predicts what the pipeline predicts.

Each model runs in its own runtime on images read by the code that is exported with it, one at a
time.
"""

import hashlib
import heapq
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np

from classifier import head
from classifier.common import files
from classifier.common.errors import StageError
from classifier.evaluation import scored_images
from stages.export import model_outputs
from stages.export.model_outputs import Output
from stages.export.models import ExportFormat

PATH = Path("results/exports.csv")
IMAGES = 100  # at most
FEW_IMAGES = 4  # at most, where all formats are the pipeline's own network in its own runtime
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
    """Returns some of the test images, without any some of the validation images, in path order.

    They are drawn by a hash of their paths, so that a new image seldom replaces one of them.

    Args:
        test: results/scored_test.csv.
        validation: results/scored_validation.csv.
        class_names: in the order of their indices.
        most: number of images.
    """
    tested = _draw(test, most)
    rows = sorted((path, label) for _, path, label in tested or _draw(validation, most))
    labels = [class_names.index(label) if tested else -1 for _, label in rows]
    return Sample([path for path, _ in rows], np.array(labels, int))


def _draw(scored: Path, most: int) -> list[tuple[bytes, str, str]]:
    rows = ((image.path, image.label) for image in scored_images.iter_rows(scored))
    return heapq.nsmallest(most, ((_rank(path), path, label) for path, label in rows))


def _rank(path: str) -> bytes:
    return hashlib.blake2b(path.encode(), digest_size=8).digest()


def measure(
    one: ExportFormat,
    folder: Path,
    images: Sample,
    expected: np.ndarray,
    outputs: Mapping[str, Output],
) -> Agreement:
    """Returns the row of a format.

    Args:
        one: the format.
        folder: of all exports.
        images: to measure on.
        expected: float (n, C), their probabilities in the pipeline.
        outputs: of the exported model, by path, for those that it could take.
    """
    size = sum(path.stat().st_size for path in model_outputs.own_files(one, folder)) / 1e6
    used = [number for number, path in enumerate(images.paths) if path in outputs]
    if not used:
        return Agreement(one.name, size)
    found = [outputs[images.paths[number]] for number in used]
    return compare(
        one.name,
        size,
        np.stack([output.probabilities for output in found]),
        expected[used],
        images.labels[used],
        sum(output.seconds for output in found),
    )


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


def require_agreement(rows: Sequence[Agreement], weights: str) -> None:
    """Raises a StageError that names the formats whose predictions are too unlike.

    Random weights have no such formats: their features differ so little from image to image that
    the last bits can decide.

    Args:
        rows: of the formats.
        weights: of the frozen network.
    """
    errors = [
        f"export.{row.format}: must predict the pipeline's class for {100 * MIN_AGREEMENT:g} % of "
        f"the images, and its probability to {MAX_MEAN_DIFFERENCE:g} on average; got "
        f"{100 * (row.agreement or 0):.1f} % and {row.mean_difference:.3f} of {row.images}: set it "
        "to false in params.yaml, or install another version of its runtime"
        for row in rows
        if row.is_bad and weights != head.RANDOM
    ]
    if errors:
        raise StageError(*errors)


def write(path: Path, rows: Sequence[Agreement]) -> None:
    """Writes the table."""
    cells = ([_cell(value) for value in astuple(row)] for row in rows)
    files.write_csv(path, [field.name for field in fields(Agreement)], cells)


def _cell(value: object) -> object:
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else value
