"""Evaluate the head on images it was not trained on.

Reads   results/validation_predictions.npz, results/predictions.csv, results/scored_test.csv,
        results/inspection.csv, results/similarity.csv, results/split.csv, models/head
Writes  results/metrics.json, results/scored_validation.csv, results/leaks.csv,
        results/confusion.csv, results/classes.csv, results/calibration.csv, results/coverage.csv,
        results/thresholds.csv, results/learning_curve.csv, results/accuracy_by_similarity.csv
"""

import math
from pathlib import Path
from typing import Any

import numpy as np

from classifier import head
from classifier.common import files, params, sorted_column
from classifier.common.disk_array import DiskArray
from classifier.common.errors import warn
from classifier.common.parallel import batched
from classifier.common.scratch import Scratch
from classifier.common.sorted_join import look_up
from classifier.dataset import findings, orders, split, validation_predictions
from classifier.dataset import similarity as similarity_file
from classifier.dataset.validation_predictions import ValidationPredictions
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
    scored_validation,
    similarity_bins,
    thresholds,
)
from classifier.evaluation.intervals import independent_count
from classifier.evaluation.predictions import Params
from classifier.evaluation.scored_images import ScoredImages
from stages.evaluate import confusion, groups, leaked_images, more_images, similarity
from stages.evaluate.estimate import Estimate, estimate
from stages.evaluate.predicted import Predicted
from stages.evaluate.predicted import read as read_predicted

NO_TEST_SCORE = (
    "no test score: the class of no test image is known (input/test/<class>/, or labels in a list)"
)


def main(
    predictions_npz: Path = validation_predictions.PATH,
    predictions_csv: Path = predictions.PATH,
    scored_test_csv: Path = scored_images.TEST,
    inspection_csv: Path = findings.PATH,
    similarity_csv: Path = similarity_file.PATH,
    split_csv: Path = split.PATH,
    head_folder: Path = head.FOLDER,
    out: Path = metrics.PATH,
) -> None:
    """Evaluates on the validation images, and on the test images whose class is known."""
    trained = head.read(head_folder)
    validated = validation_predictions.read(predictions_npz)
    copies = find_copies(inspection_csv, predictions_csv, split_csv)
    leaks.write(leaks.PATH, copies)
    tested = read_predicted(predictions_csv, scored_test_csv, similarity_csv, copies)
    others = tested.select(~tested.copied)
    test, clean = scored_images.read(scored_test_csv), ~tested.copied[tested.labelled]
    threshold = trained.novelty_threshold(params.load("predict", Params).keep)
    with files.disk_errors(out), Scratch(out.parent) as scratch:
        scored = scored_validation.score(validated, scratch)
        scored_images.write(scored_images.VALIDATION, validated.iter_paths(), scored)
        files.write_csv(confusion.PATH, confusion.HEADER, confusion.rows(scored))
        values: dict[str, Any] = {"weights": trained.info.weights}
        values |= validation_metrics(validated, scored) | test_metrics(test, clean)
        values |= estimated(validated, scored, others, scratch)
        values |= unknown_metrics(validated, threshold, tested)
        values |= more_images.metrics_part(validated, scored.label)
        known = known_similarities(validated, similarity_csv, scratch)
        bins = similarity.of_run(known, scored.correct, validated.groups, others, scratch)
        values |= similarity.metrics_part(bins)
        values["leaks"] = {"test": len(copies), "labelled": int((~clean).sum())}
        files.write_json(out, values)
        by_class = scored if headline.scored_part(values) == "validation" else test.select(clean)
        write_tables(by_class, validated.class_names.tolist(), scratch)
    similarity_bins.write(similarity_bins.PATH, bins)
    groups = validated.groups[validated.curve_rows]
    points = learning_curve.points(validated.curve_images, validated.curve_correct, groups)
    learning_curve.write(learning_curve.PATH, points)
    for note in headline.notes(values):
        warn(note)
    print(summary_line(values, out) + trained.info.warning)


def find_copies(inspection_csv: Path, predictions_csv: Path, split_csv: Path) -> dict[str, str]:
    """Returns the test images that leaked, each with the training image that it is a copy of."""
    every = findings.iter_rows(inspection_csv)
    found = [one for one in every if one.finding in leaked_images.CODES]
    paths = {path for one in found for path in (one.path, one.other)}
    rows = files.iter_dicts(predictions_csv)
    tested = {row["path"] for row in rows if row["path"] in paths and row["status"] == "ok"}
    splits = {path: name for path, name in split.iter_rows(split_csv) if path in paths}
    return leaked_images.copies_of_training_images(found, tested, splits)


def known_similarities(
    validated: ValidationPredictions, similarity_csv: Path, scratch: Scratch
) -> DiskArray:
    """Returns the similarity of each validation image, float32; NaN if it is not known."""
    rows = similarity_file.iter_rows(similarity_csv)
    known = scratch.array(())
    for values in batched(look_up(validated.iter_paths(), rows, math.nan), orders.BLOCK):
        known.append(np.array(values))
    return known


def validation_metrics(
    validated: ValidationPredictions, scored: ScoredImages
) -> dict[str, dict[str, Any]]:
    """Returns the metrics of the validation images, and how they would be without groups."""
    independent = independent_count(scored.correct, validated.groups)
    values = metrics.compute(scored, independent)
    folds = max(int(validated.folds[block].max()) for block in validated.blocks())
    parts: dict[str, dict[str, Any]] = {"validation": {**values, "folds": folds}}
    if len(validated.random_correct):
        parts["validation_without_groups"] = groups.compare(
            scored.correct, validated.random_correct
        )
    return parts


def test_metrics(test: ScoredImages, clean: np.ndarray) -> dict[str, dict[str, Any]]:
    """Returns the metrics of the test images, with and without those that leaked.

    Args:
        test: N images.
        clean: bool (N,), those that did not leak.
    """
    parts: dict[str, dict[str, Any]] = {}
    if len(clean):
        parts["test"] = metrics.compute(test)
    if clean.any() and not clean.all():
        parts["test_without_leaks"] = metrics.compute(test.select(clean))
    return parts


def estimated(
    validated: ValidationPredictions, scored: ScoredImages, tested: Predicted, scratch: Scratch
) -> dict[str, dict[str, Any]]:
    """Returns the expected accuracy on the test images."""
    if not len(tested.probability):
        return {}
    confidence = scored.probability, scored.correct, tested.probability
    result: Estimate = estimate(*confidence, validated.novelty, tested.novelty, scratch)
    rounded = {
        name: round(value, 6) if isinstance(value, float) else value
        for name, value in vars(result).items()
    }
    return {"estimate": rounded}


def unknown_metrics(
    validated: ValidationPredictions, threshold: float, tested: Predicted
) -> dict[str, dict[str, Any]]:
    """Returns how many images are unknown; nothing if none can be.

    Args:
        validated: images of known classes.
        threshold: novelty above which an image is unknown.
        tested: the test images.
    """
    if math.isinf(threshold):
        return {}
    lost = tested.unknown[tested.labelled]
    blocks = (validated.novelty[block] for block in validated.blocks())
    kept = sum(int((block <= threshold).sum()) for block in blocks)
    values = {
        "threshold": round(threshold, 6),
        "validation_kept": round(kept / len(validated.novelty), 6),
        "test": int(tested.unknown.sum()),
    }
    if len(lost):
        values["test_kept"] = round(1 - int(lost.sum()) / len(lost), 6)
    return {"unknown": values}


def write_tables(scored: ScoredImages, class_names: list[str], scratch: Scratch) -> None:
    """Writes the tables about the images that the scores are of."""
    files.write_csv(class_scores.PATH, class_scores.HEADER, class_scores.rows(scored))
    files.write_csv(calibration.PATH, calibration.HEADER, calibration.rows(scored))
    ordered = sorted_column.sort(scored.probability, scratch)
    answered = coverage.compute(scored.probability, scored.correct, ordered, coverage.ROWS)
    coverage.write(coverage.PATH, answered)
    files.write_csv(thresholds.PATH, thresholds.HEADER, thresholds.rows(scored, class_names))


def summary_line(values: dict[str, Any], out: Path) -> str:
    """Returns the line the stage prints."""
    validation = values["validation"]
    folds = f" in {validation['folds']} folds" if validation["folds"] else ""
    parts = [f"validation accuracy {_accuracy(validation)}{folds}"]
    if "test" in values:
        parts.append(f"test accuracy {_accuracy(values['test'])}")
        if leaked := values["leaks"]["labelled"]:
            parts[-1] += f", {leaked} of them also training images"
        if "test_without_leaks" in values:
            parts.append(f"without these {_accuracy(values['test_without_leaks'])}")
    elif "estimate" in values:
        parts.append(f"test accuracy estimated at {_accuracy(values['estimate'])}")
    missing = "" if "test" in values else f"; {NO_TEST_SCORE}"
    return f"evaluate: {', '.join(parts)} -> {out.as_posix()}{missing}"


def _accuracy(part: dict[str, Any]) -> str:
    interval = f"{part['accuracy_low']:.3f}-{part['accuracy_high']:.3f}"
    return f"{part['accuracy']:.3f} [{interval}] of {part['n']}"
