"""The results of a run, read from results/ and models/ for the report."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from classifier import head
from classifier.common import files
from classifier.dataset import findings, manifest, problems, warnings
from classifier.dataset.findings import FINDINGS, Finding
from classifier.dataset.problems import Problem
from classifier.evaluation import (
    calibration,
    class_scores,
    coverage,
    headline,
    leaks,
    learning_curve,
    metrics,
    predictions,
    scored_images,
    similarity_bins,
    thresholds,
)
from classifier.evaluation.coverage import Coverage
from classifier.evaluation.learning_curve import Point
from classifier.evaluation.similarity_bins import Bin
from classifier.head import HeadInfo
from classifier.inference import base, engine
from classifier.inference.base import BaseInfo

LIBRARIES = ("tensorflow", "keras", "openvino", "nncf", "numpy", "pillow", "dvc")
SAMPLES = 6  # images shown of each class
ALL_SAMPLES = 120  # images shown of all classes, about
PER_GROUP = 24  # images in each group: errors, least confident, each kind of finding
PER_CELL = 60  # images behind each cell of the confusion matrix
SEARCHABLE = 50_000  # test images in the gallery
CONFIDENT = 0.9  # probability from which a prediction is not listed as one of the least confident


@dataclass(frozen=True)
class ScoredImage:
    """A prediction for an image whose class is known and that the head was not trained on."""

    path: str
    label: str  # its class
    predicted: str  # the most probable class
    probability: float  # of the predicted class
    true_class_probability: float


@dataclass(frozen=True)
class RunResults:
    """All results of a run that the report shows."""

    class_names: tuple[str, ...]  # sorted
    head: HeadInfo
    base: BaseInfo  # the frozen network
    split: str  # whose predictions are scored: `test` if its classes are known, else `validation`
    metrics: Mapping[str, Any]  # results/metrics.json
    counts: Mapping[str, Counter[str]]  # images by class, "" if unknown, and split
    samples: Mapping[str, Sequence[str]]  # paths of some training images of each class
    problems: Sequence[Problem]
    findings: Sequence[Finding]
    warnings: Sequence[str]  # of `validate`, and what follows from the findings
    history: Mapping[str, Sequence[float]]  # columns of results/history.csv
    learning_curve: Sequence[Point]
    similarity: Sequence[Bin]  # accuracy by similarity to the training images
    scored: Sequence[ScoredImage]  # the images of `split`, without those that leaked
    classes: Sequence[Mapping[str, str]]  # rows of results/classes.csv
    calibration: Sequence[tuple[float, float, int]]  # mean probability, accuracy, images
    coverage: Coverage
    thresholds: Sequence[dict[str, str]]  # rows of results/thresholds.csv
    predictions: Sequence[Mapping[str, str]]  # rows of results/predictions.csv
    params: Mapping[str, Mapping[str, object]]  # values of params.yaml by section
    versions: Mapping[str, str]  # of the libraries

    @property
    def scores(self) -> Mapping[str, Any]:
        """Returns the metrics of the images in `scored`."""
        part: Mapping[str, Any] = self.metrics[headline.scored_part(self.metrics)]
        return part

    @cached_property
    def misclassified(self) -> list[ScoredImage]:
        """Returns the misclassified images, the most confident predictions first."""
        errors = [image for image in self.scored if image.predicted != image.label]
        return sorted(errors, key=lambda image: (-image.probability, image.path))

    @cached_property
    def least_confident(self) -> list[ScoredImage]:
        """Returns the images predicted with a probability below CONFIDENT, the lowest first."""
        images = [image for image in self.scored if image.probability < CONFIDENT]
        return sorted(images, key=lambda image: (image.probability, image.path))

    @cached_property
    def confusion_examples(self) -> list[ScoredImage]:
        """Returns the images that the confusion matrix can show, PER_CELL of each cell."""
        cells: defaultdict[tuple[str, str], list[ScoredImage]] = defaultdict(list)
        for image in self.scored:
            cells[image.label, image.predicted].append(image)
        shown = {image.path for cell in cells.values() for image in cell[:PER_CELL]}
        return [image for image in self.scored if image.path in shown]

    @cached_property
    def typical(self) -> list[ScoredImage]:
        """Returns the most confident correct prediction of each class, for PER_GROUP of them."""
        best: dict[str, ScoredImage] = {}
        for image in sorted(self.scored, key=lambda image: (-image.probability, image.path)):
            if image.predicted == image.label and image.path not in self.verdicts:
                best.setdefault(image.label, image)
        return [best[name] for name in sorted(best)[:PER_GROUP]]

    @cached_property
    def explained(self) -> dict[str, str]:
        """Returns the predicted class, by path, of the images to explain."""
        groups = (self.misclassified[:PER_GROUP], self.least_confident[:PER_GROUP], self.typical)
        return {image.path: image.predicted for group in groups for image in group}

    def findings_of(self, kind: str) -> list[Finding]:
        """Returns the findings of one kind."""
        return [finding for finding in self.findings if finding.finding == kind]

    @cached_property
    def unknown(self) -> list[Mapping[str, str]]:
        """Returns the rows of the test images that look like no class, the most novel first."""
        rows = filter(predictions.is_unknown, self.predictions)
        return sorted(rows, key=lambda row: (-float(row["novelty"]), row["path"]))

    @cached_property
    def verdicts(self) -> dict[str, str]:
        """Returns `unknown` or `uncertain` by path of the test images that got no class."""
        rows = (row for row in self.predictions if row["predicted"] != row["class_1"])
        return {row["path"]: row["predicted"] for row in rows}

    def images_to_show(self) -> list[str]:
        """Returns the paths of the images to show, the most important first."""
        paths = list(self.explained)
        paths += [row["path"] for row in self.unknown[:PER_GROUP]]
        for kind in FINDINGS:
            for finding in self.findings_of(kind)[:PER_GROUP]:
                paths += filter(None, (finding.path, finding.other))
        paths += [path for name in self.class_names for path in self.samples.get(name, ())]
        paths += [image.path for image in self.confusion_examples]
        paths += [row["path"] for row in self.predictions[:SEARCHABLE] if row["status"] == "ok"]
        return list(dict.fromkeys(paths))


def read(params: Mapping[str, Any]) -> RunResults:
    """Returns the results of the run in results/ and models/, with the values of params.yaml."""
    scores = json.loads(metrics.PATH.read_text(encoding="utf-8"))
    split = "validation" if headline.scored_part(scores) == "validation" else "test"
    leaked = leaks.read(leaks.PATH) if split == "test" else {}
    scored = {"test": scored_images.TEST, "validation": scored_images.VALIDATION}[split]
    history = files.read_csv(Path("results/history.csv"))
    counts, samples = _count_and_sample()
    info = head.read_info(head.FOLDER)
    found = findings.read(findings.PATH)
    flagged = {finding.path for finding in found}
    splits = {r.path: r.split for r in manifest.iter_rows(manifest.PATH) if r.path in flagged}
    n_training = sum(numbers["train"] for numbers in counts.values())
    told = {**findings.dropped(params.get("inspect", {})), "in_train_and_test": "in the notes"}
    return RunResults(
        class_names=info.class_names,
        head=info,
        base=base.read_info(base.FOLDER),
        split=split,
        metrics=scores,
        counts=counts,
        samples=samples,
        problems=problems.read(problems.PATH),
        findings=found,
        warnings=[
            *headline.leak_notes(scores),
            *headline.notes(scores),
            *warnings.read(warnings.PATH),
            *findings.warnings(found, splits, n_training, told),
        ],
        history={
            name: [float(row[name]) for row in history] for name in (history[0] if history else ())
        },
        learning_curve=learning_curve.read(learning_curve.PATH),
        similarity=similarity_bins.read(similarity_bins.PATH),
        scored=[
            ScoredImage(path, label, predicted, float(probability), float(of_label))
            for path, label, predicted, probability, of_label, _ in files.iter_rows(scored)
            if path not in leaked
        ],
        classes=files.read_csv(class_scores.PATH),
        calibration=[
            (float(probability), float(accuracy), int(images))
            for probability, accuracy, images in files.iter_rows(calibration.PATH)
        ],
        coverage=coverage.read(coverage.PATH),
        thresholds=files.read_csv(thresholds.PATH),
        predictions=files.read_csv(predictions.PATH),
        params=params,
        versions={name: engine.version(name) for name in LIBRARIES},
    )


def _count_and_sample() -> tuple[dict[str, Counter[str]], dict[str, list[str]]]:
    """Returns the numbers of images by class and split, and sample training images by class."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    lowest: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
    for row in manifest.iter_rows(manifest.PATH):
        counts[row.label][row.split] += 1
        if row.split == "train":  # the lowest hashes: a random sample, the same in every run
            items = [*lowest[row.label], (-int(row.sha256, 16), row.path)]
            lowest[row.label] = sorted(items, reverse=True)[:SAMPLES]
    shown = max(1, min(SAMPLES, ALL_SAMPLES // max(1, len(lowest))))
    return dict(counts), {
        name: [path for _, path in items[:shown]] for name, items in lowest.items()
    }
