"""What a run of the pipeline left in results/ and models/, gathered for a report."""

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
SAMPLES = 6  # images shown of a class


@dataclass(frozen=True)
class ScoredImage:
    """An image of known class that the head did not learn from.

    Attributes:
        path: of the image.
        label: its class.
        predicted: the most probable class.
        probability: of the predicted class.
        true_class_probability: of its class.
    """

    path: str
    label: str
    predicted: str
    probability: float
    true_class_probability: float


@dataclass(frozen=True)
class RunResults:
    """What is known of a run.

    Attributes:
        class_names: sorted.
        base: the frozen network.
        metrics: of results/metrics.json.
        dataset: of results/dataset.json.
        counts: images by class and split; under an empty class those of test without one.
        samples: training images by class, drawn by their content.
        problems: of files.
        findings: of images.
        history: the columns of results/history.csv.
        judged: by `validation` and, where classes are known, `test`.
        classes: the rows of results/classes.csv.
        calibration: those of results/calibration.csv: probability, share named rightly, images.
        predictions: the rows of results/predictions.csv.
        params: of params.yaml, by section.
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
    judged: Mapping[str, Sequence[ScoredImage]]
    classes: Sequence[Mapping[str, str]]
    calibration: Sequence[tuple[float, float, int]]
    predictions: Sequence[Mapping[str, str]]
    params: Mapping[str, Mapping[str, object]]
    versions: Mapping[str, str]

    @property
    def judged_on(self) -> str:
        """Returns which images the headline is of: `test` where classes are known."""
        return "test" if "test" in self.metrics else "validation"


def judged(path: Path) -> list[ScoredImage]:
    """Returns the images of results/scored_validation.csv or results/scored_test.csv."""
    return [
        ScoredImage(name, label, predicted, float(probability), float(own))
        for name, label, predicted, probability, own, _ in files.iter_rows(path)
    ]


def history(path: Path) -> dict[str, list[float]]:
    """Returns the curves of results/history.csv, without the epochs' numbers."""
    rows = files.read_csv(path)
    return {name: [float(row[name]) for row in rows] for name in rows[0] if name != "epoch"}


def images(path: Path) -> tuple[dict[str, Counter[str]], dict[str, list[ImageRow]]]:
    """Returns how many images there are by class and split, and samples of each class."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    drawn: defaultdict[str, list[tuple[int, str, ImageRow]]] = defaultdict(list)
    for row in manifest.iter_rows(path):
        counts[row.label][row.split] += 1
        if row.split == "train":  # the lowest hashes, which are as good as drawn at random
            place = (-int(row.sha256, 16), row.path, row)
            push = heapq.heappush if len(drawn[row.label]) < SAMPLES else heapq.heappushpop
            push(drawn[row.label], place)
    samples = {name: [row for _, _, row in sorted(rows)[::-1]] for name, rows in drawn.items()}
    return dict(counts), samples


def rows(path: Path, wanted: Sequence[str]) -> list[ImageRow]:
    """Returns the rows of results/images.csv of some paths, in their order."""
    names = set(wanted)
    found = {row.path: row for row in manifest.iter_rows(path) if row.path in names}
    return [found[name] for name in wanted if name in found]


def versions() -> dict[str, str]:
    """Returns the versions of the libraries that reach the results."""
    return {name: engine.version(name) for name in LIBRARIES}


def read(results: Path, base: BaseInfo, head_folder: Path, params: Mapping[str, Any]) -> RunResults:
    """Returns the facts of a run.

    Args:
        results: the folder of results.
        base: the frozen network.
        head_folder: models/head.
        params: of params.yaml, by section, those that can change a result.
    """
    values = json.loads((results / metrics.METRICS.name).read_text(encoding="utf-8"))
    dataset = json.loads((results / "dataset.json").read_text(encoding="utf-8"))
    counts, samples = images(results / manifest.PATH.name)
    sets = {"test": metrics.SCORED_TEST, "validation": metrics.SCORED_VALIDATION}
    return RunResults(
        class_names=head.read_info(head_folder).class_names,
        base=base,
        metrics=values,
        dataset=dataset,
        counts=counts,
        samples=samples,
        problems=problems.read(results / problems.PATH.name),
        findings=findings.read(results / findings.PATH.name),
        history=history(results / "history.csv"),
        judged={name: judged(results / sets[name].name) for name in sets if name in values},
        classes=files.read_csv(results / metrics.CLASSES.name),
        calibration=[
            (float(probability), float(share), int(count))
            for probability, share, count in files.iter_rows(results / metrics.CALIBRATION.name)
        ],
        predictions=files.read_csv(results / "predictions.csv"),
        params=params,
        versions=versions(),
    )
