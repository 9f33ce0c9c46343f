"""The results of a run, read from results/ and models/ for the report."""

import heapq
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from classifier import head
from classifier.common import files
from classifier.dataset import findings, manifest, problems
from classifier.dataset.findings import Finding
from classifier.dataset.manifest import ImageRow
from classifier.dataset.problems import Problem
from classifier.evaluation import metrics
from classifier.inference import engine
from classifier.inference.base import BaseInfo

LIBRARIES = ("tensorflow", "keras", "openvino", "nncf", "numpy", "pillow", "dvc")
SAMPLES = 6  # images shown of each class
SCORED = {"test": metrics.SCORED_TEST, "validation": metrics.SCORED_VALIDATION}


@dataclass(frozen=True)
class ScoredImage:
    """A prediction for an image whose class is known and that the head was not trained on.

    Attributes:
        path: of the image.
        label: its class.
        predicted: the most probable class.
        probability: of the predicted class.
        true_class_probability: of its own class.
    """

    path: str
    label: str
    predicted: str
    probability: float
    true_class_probability: float


@dataclass(frozen=True)
class RunResults:
    """All results of a run that the report shows.

    Attributes:
        class_names: sorted.
        base: the frozen network.
        metrics: results/metrics.json.
        dataset: results/dataset.json.
        counts: number of images by class and split; test images of unknown class are under "".
        samples: some training images of each class.
        problems: of files.
        findings: of images.
        history: columns of results/history.csv by name.
        scored: predictions by split: `validation` and, if classes are known, `test`.
        classes: rows of results/classes.csv.
        calibration: rows of results/calibration.csv: mean probability, accuracy, image count.
        predictions: rows of results/predictions.csv.
        params: values of params.yaml by section.
        versions: of the libraries, by name.
    """

    class_names: tuple[str, ...]
    base: BaseInfo
    metrics: Mapping[str, Any]
    dataset: Mapping[str, int]
    counts: Mapping[str, Counter[str]]
    samples: Mapping[str, Sequence[ImageRow]]
    problems: Sequence[Problem]
    findings: Sequence[Finding]
    history: Mapping[str, Sequence[float]]
    scored: Mapping[str, Sequence[ScoredImage]]
    classes: Sequence[Mapping[str, str]]
    calibration: Sequence[tuple[float, float, int]]
    predictions: Sequence[Mapping[str, str]]
    params: Mapping[str, Mapping[str, object]]
    versions: Mapping[str, str]

    @property
    def split(self) -> str:
        """Returns the split that the report scores: `test` if its classes are known."""
        return "test" if "test" in self.metrics else "validation"

    @property
    def scored_images(self) -> Sequence[ScoredImage]:
        """Returns the predictions for that split."""
        return self.scored[self.split]


def read_scored(path: Path) -> list[ScoredImage]:
    """Returns the images of results/scored_validation.csv or results/scored_test.csv."""
    return [
        ScoredImage(name, label, predicted, float(probability), float(true_class_probability))
        for name, label, predicted, probability, true_class_probability, _ in files.iter_rows(path)
    ]


def read_history(path: Path) -> dict[str, list[float]]:
    """Returns the columns of results/history.csv except `epoch`."""
    rows = files.read_csv(path)
    return {name: [float(row[name]) for row in rows] for name in rows[0] if name != "epoch"}


def read_images(path: Path) -> tuple[dict[str, Counter[str]], dict[str, list[ImageRow]]]:
    """Returns the number of images by class and split, and sample training images by class."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    heaps: defaultdict[str, list[tuple[int, str, ImageRow]]] = defaultdict(list)
    for row in manifest.iter_rows(path):
        counts[row.label][row.split] += 1
        if row.split == "train":  # the lowest hashes: a random sample, the same in every run
            heap, item = heaps[row.label], (-int(row.sha256, 16), row.path, row)
            (heapq.heappush if len(heap) < SAMPLES else heapq.heappushpop)(heap, item)
    samples = {name: [row for _, _, row in sorted(heap)[::-1]] for name, heap in heaps.items()}
    return dict(counts), samples


def rows_of(path: Path, image_paths: Sequence[str]) -> list[ImageRow]:
    """Returns the rows of results/images.csv for some images, in the order of `image_paths`."""
    names = set(image_paths)
    rows = {row.path: row for row in manifest.iter_rows(path) if row.path in names}
    return [rows[name] for name in image_paths if name in rows]


def read(results: Path, base: BaseInfo, head_folder: Path, params: Mapping[str, Any]) -> RunResults:
    """Returns the results of a run.

    Args:
        results: the folder results/.
        base: the frozen network.
        head_folder: models/head.
        params: values of params.yaml by section, those that can change a result.
    """
    scores = json.loads((results / metrics.METRICS.name).read_text(encoding="utf-8"))
    counts, samples = read_images(results / manifest.PATH.name)
    return RunResults(
        class_names=head.read_info(head_folder).class_names,
        base=base,
        metrics=scores,
        dataset=json.loads((results / "dataset.json").read_text(encoding="utf-8")),
        counts=counts,
        samples=samples,
        problems=problems.read(results / problems.PATH.name),
        findings=findings.read(results / findings.PATH.name),
        history=read_history(results / "history.csv"),
        scored={
            split: read_scored(results / path.name)
            for split, path in SCORED.items()
            if split in scores
        },
        classes=files.read_csv(results / metrics.CLASSES.name),
        calibration=[
            (float(probability), float(accuracy), int(images))
            for probability, accuracy, images in files.iter_rows(results / metrics.CALIBRATION.name)
        ],
        predictions=files.read_csv(results / "predictions.csv"),
        params=params,
        versions={name: engine.version(name) for name in LIBRARIES},
    )
