"""The results of a run, read from results/ and models/ for the report."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from classifier import head
from classifier.common import files
from classifier.common.errors import StageError
from classifier.common.scratch import Scratch
from classifier.comparison import commits, comparison, runs
from classifier.comparison.commits import RefusalError
from classifier.comparison.comparison import Comparison
from classifier.comparison.runs import Run
from classifier.dataset import duplicates, findings, manifest, problems, warnings
from classifier.dataset.finding_table import FindingTable
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
from classifier.evaluation.scored_images import ScoredImage
from classifier.evaluation.similarity_bins import Bin
from classifier.head import HeadInfo
from classifier.inference import base, engine
from classifier.inference.base import BaseInfo
from stages.report import scored, tested
from stages.report.listed import Listed
from stages.report.scored import PER_GROUP, Scored
from stages.report.tested import Tested

LIBRARIES = ("tensorflow", "keras", "openvino", "nncf", "numpy", "pillow", "dvc")
SAMPLES = 6  # images shown of each class
ALL_SAMPLES = 120  # images shown of all classes, about
SHOWN = 10_000  # thumbnails at most; those of photographs reach the page's size limit sooner
PROBLEMS = 100  # files with problems that are listed


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
    problems: Listed[Problem]
    findings: Listed[Finding]  # PER_GROUP of each kind
    warnings: Sequence[str]  # of `validate`, and what follows from the findings
    history: Mapping[str, Sequence[float]]  # columns of results/history.csv
    learning_curve: Sequence[Point]
    similarity: Sequence[Bin]  # accuracy by similarity to the training images
    scored: Scored  # the images of `split`, without those that leaked
    classes: Sequence[Mapping[str, str]]  # rows of results/classes.csv
    calibration: Sequence[tuple[float, float, int]]  # mean probability, accuracy, images
    coverage: Coverage
    thresholds: Sequence[dict[str, str]]  # rows of results/thresholds.csv
    predictions: Tested
    params: Mapping[str, Mapping[str, object]]  # values of params.yaml by section
    versions: Mapping[str, str]  # of the libraries
    comparison: Comparison | str | None  # with the run of the last commit, if there is one that
    # differs; what git says if it refuses to read the repository

    @property
    def scores(self) -> Mapping[str, Any]:
        """Returns the metrics of the images in `scored`."""
        part: Mapping[str, Any] = self.metrics[headline.scored_part(self.metrics)]
        return part

    @cached_property
    def explained(self) -> dict[str, str]:
        """Returns the predicted class, by path, of the images to explain."""
        groups = self.scored.misclassified, self.scored.least_confident, self.scored.typical
        return {image.path: image.predicted for group in groups for image in group}

    def findings_of(self, kind: str) -> list[Finding]:
        """Returns the first findings of one kind."""
        return [finding for finding in self.findings.shown if finding.finding == kind]

    def images_to_show(self) -> list[str]:
        """Returns the paths of the images to show, SHOWN at most, the most important first."""
        compared = self.comparison.images if isinstance(self.comparison, Comparison) else ()
        paths = [*self.explained, *compared]
        paths += [row["path"] for row in self.predictions.unknown]
        for kind in FINDINGS:
            for finding in self.findings_of(kind):
                paths += filter(None, (finding.path, finding.other))
        paths += [path for name in self.class_names for path in self.samples.get(name, ())]
        paths += [image.path for image in self.scored.examples]
        usable = (one.path for one in self.predictions.first if one.status == "ok")
        return list(dict.fromkeys([*paths, *islice(usable, SHOWN)]))[:SHOWN]


def read(params: Mapping[str, Any]) -> RunResults:
    """Returns the results of the run in results/ and models/, with the values of params.yaml."""
    scores = json.loads(metrics.PATH.read_text(encoding="utf-8"))
    split = "validation" if headline.scored_part(scores) == "validation" else "test"
    leaked = leaks.read(leaks.PATH) if split == "test" else {}
    table = {"test": scored_images.TEST, "validation": scored_images.VALIDATION}[split]

    def images() -> Iterator[ScoredImage]:
        return (one for one in scored_images.iter_rows(table) if one.path not in leaked)

    def rows() -> Iterator[Mapping[str, str]]:
        return files.iter_dicts(predictions.PATH)

    history = files.read_csv(Path("results/history.csv"))
    counts, samples = _count_and_sample(manifest.PATH)
    info = head.read_info(head.FOLDER)
    return RunResults(
        class_names=info.class_names,
        head=info,
        base=base.read_info(base.FOLDER),
        split=split,
        metrics=scores,
        counts=counts,
        samples=samples,
        problems=Listed.of(problems.iter_rows(problems.PATH), lambda one: one.problem, PROBLEMS),
        findings=Listed.of(findings.iter_rows(findings.PATH), lambda one: one.finding, PER_GROUP),
        warnings=[
            *headline.leak_notes(scores),
            *headline.notes(scores),
            *warnings.read(warnings.PATH),
            *_finding_warnings(params.get("inspect", {})),
        ],
        history={
            name: [float(row[name]) for row in history] for name in (history[0] if history else ())
        },
        learning_curve=learning_curve.read(learning_curve.PATH),
        similarity=similarity_bins.read(similarity_bins.PATH),
        scored=scored.of(images, rows() if split == "test" else ()),
        classes=files.read_csv(class_scores.PATH),
        calibration=[
            (float(probability), float(accuracy), int(images))
            for probability, accuracy, images in files.iter_rows(calibration.PATH)
        ],
        coverage=coverage.read(coverage.PATH),
        thresholds=files.read_csv(thresholds.PATH),
        predictions=tested.of(rows(), images() if split == "test" else ()),
        params=params,
        versions={name: engine.version(name) for name in LIBRARIES},
        comparison=_compared(Run(scores, params, runs.SCORED)),
    )


def _finding_warnings(inspect_params: Mapping[str, object]) -> list[str]:
    """Returns the warnings that follow from the findings; the notes tell of leaked test images."""
    told = {**findings.dropped(inspect_params), "in_train_and_test": "in the notes"}
    every = findings.iter_rows(findings.PATH)
    copies = (finding for finding in every if finding.finding in duplicates.CODES)
    folder = manifest.PATH.parent
    with files.disk_errors(folder), Scratch(folder) as scratch:
        table = FindingTable(scratch)
        table.add(finding._replace(suggested="", other="", detail="") for finding in copies)
        return findings.warnings(table.by_image(manifest.iter_rows(manifest.PATH)), told)


def _compared(run: Run) -> Comparison | str | None:
    """Returns what differs from the run of the last commit; None without git or such a run.

    If git refuses to read the repository: what it says.
    """
    try:
        commit = commits.read("HEAD", runs.COMMITTED)
        before = runs.past(commit)
    except RefusalError as error:
        return error.words
    except StageError:
        return None
    found = comparison.compare(commit, before, run, PER_GROUP)
    return found if found.differs else None


def _count_and_sample(all_images: Path) -> tuple[dict[str, Counter[str]], dict[str, list[str]]]:
    """Returns the numbers of images by class and split, and sample training images by class."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    lowest: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
    for row in manifest.iter_rows(all_images):
        counts[row.label][row.split] += 1
        if row.split == "train":  # the lowest hashes: a random sample, the same in every run
            items, item = lowest[row.label], (-int(row.sha256, 16), row.path)
            if len(items) < SAMPLES or item > items[-1]:
                lowest[row.label] = sorted([*items, item], reverse=True)[:SAMPLES]
    shown = max(1, min(SAMPLES, ALL_SAMPLES // max(1, len(lowest))))
    return dict(counts), {
        name: [path for _, path in items[:shown]] for name, items in lowest.items()
    }
