"""What a run of the pipeline left in results/ and models/, gathered for a report."""

import heapq
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from stages import head, inspection, manifest, outputs, problems, scores
from stages.base import Base
from stages.inspection import Finding
from stages.manifest import Row
from stages.problems import Problem

LIBRARIES = ("tensorflow", "keras", "openvino", "nncf", "numpy", "pillow", "dvc")
SAMPLES = 6  # pictures shown of a class


@dataclass(frozen=True)
class Judged:
    """A picture of known class that the head did not learn from.

    Attributes:
        path: of the picture.
        label: its class.
        predicted: the most probable class.
        probability: of the predicted class.
        label_probability: of its class.
    """

    path: str
    label: str
    predicted: str
    probability: float
    label_probability: float


@dataclass(frozen=True)
class Facts:
    """What is known of a run.

    Attributes:
        class_names: sorted.
        base: the frozen network.
        metrics: of results/metrics.json.
        dataset: of results/dataset.json.
        counts: pictures by class and split; under an empty class those of test without one.
        samples: training pictures by class, drawn by their content.
        problems: of files.
        findings: of pictures.
        history: the columns of results/history.csv.
        judged: by `validation` and, where classes are known, `test`.
        classes: the rows of results/classes.csv.
        calibration: those of results/calibration.csv: probability, share named rightly, pictures.
        predictions: the rows of results/predictions.csv.
        params: of params.yaml, by section.
        versions: of the libraries, by name.
    """

    class_names: tuple[str, ...]
    base: Base
    metrics: Mapping[str, Any]
    dataset: Mapping[str, int]
    counts: Mapping[str, Counter[str]]
    samples: Mapping[str, Sequence[Row]]
    problems: Sequence[Problem]
    findings: Sequence[Finding]
    history: Mapping[str, Sequence[float]]
    judged: Mapping[str, Sequence[Judged]]
    classes: Sequence[Mapping[str, str]]
    calibration: Sequence[tuple[float, float, int]]
    predictions: Sequence[Mapping[str, str]]
    params: Mapping[str, Mapping[str, object]]
    versions: Mapping[str, str]

    @property
    def judged_on(self) -> str:
        """Returns which pictures the headline is of: `test` where classes are known."""
        return "test" if "test" in self.metrics else "validation"


def judged(path: Path) -> list[Judged]:
    """Returns the pictures of results/validation.csv or results/test.csv."""
    return [
        Judged(name, label, predicted, float(probability), float(own))
        for name, label, predicted, probability, own, _ in outputs.stream_cells(path)
    ]


def history(path: Path) -> dict[str, list[float]]:
    """Returns the curves of results/history.csv, without the epochs' numbers."""
    rows = outputs.read_csv(path)
    return {name: [float(row[name]) for row in rows] for name in rows[0] if name != "epoch"}


def pictures(path: Path) -> tuple[dict[str, Counter[str]], dict[str, list[Row]]]:
    """Returns how many pictures there are by class and split, and samples of each class."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    drawn: defaultdict[str, list[tuple[int, str, Row]]] = defaultdict(list)
    for row in manifest.stream(path):
        counts[row.label][row.split] += 1
        if row.split == "train":  # the lowest hashes, which are as good as drawn at random
            place = (-int(row.sha256, 16), row.path, row)
            push = heapq.heappush if len(drawn[row.label]) < SAMPLES else heapq.heappushpop
            push(drawn[row.label], place)
    samples = {name: [row for _, _, row in sorted(rows)[::-1]] for name, rows in drawn.items()}
    return dict(counts), samples


def rows(path: Path, wanted: Sequence[str]) -> list[Row]:
    """Returns the rows of results/images.csv of some paths, in their order."""
    names = set(wanted)
    found = {row.path: row for row in manifest.stream(path) if row.path in names}
    return [found[name] for name in wanted if name in found]


def versions() -> dict[str, str]:
    """Returns the versions of the libraries that reach the results."""
    return {name: metadata.version(name) for name in LIBRARIES}


def read(results: Path, base: Base, head_folder: Path, params: Mapping[str, Any]) -> Facts:
    """Returns the facts of a run.

    Args:
        results: the folder of results.
        base: the frozen network.
        head_folder: models/head.
        params: of params.yaml, by section, those that can change a result.
    """
    metrics = json.loads((results / scores.METRICS.name).read_text(encoding="utf-8"))
    dataset = json.loads((results / "dataset.json").read_text(encoding="utf-8"))
    counts, samples = pictures(results / manifest.PATH.name)
    sets = {"test": scores.TEST, "validation": scores.VALIDATION}
    return Facts(
        class_names=head.read_about(head_folder).class_names,
        base=base,
        metrics=metrics,
        dataset=dataset,
        counts=counts,
        samples=samples,
        problems=problems.read(results / problems.PATH.name),
        findings=inspection.read(results / inspection.PATH.name),
        history=history(results / "history.csv"),
        judged={name: judged(results / sets[name].name) for name in sets if name in metrics},
        classes=outputs.read_csv(results / scores.CLASSES.name),
        calibration=[
            (float(probability), float(share), int(count))
            for probability, share, count in outputs.stream_cells(results / scores.CALIBRATION.name)
        ],
        predictions=outputs.read_csv(results / "predictions.csv"),
        params=params,
        versions=versions(),
    )
