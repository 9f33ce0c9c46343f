"""Evaluate the head on images it was not trained on.

Reads   results/validation_predictions.npz, results/scored_test.csv, models/head
Writes  results/metrics.json, results/scored_validation.csv, results/classes.csv,
        results/calibration.csv
"""

from pathlib import Path

import numpy as np

from classifier import head
from classifier.common import files
from classifier.common.errors import run_main
from classifier.dataset import validation_predictions
from classifier.evaluation import metrics

NO_TEST_SCORE = "no test score: the class of no test image is known (input/test/<class>/)"


def main(
    predictions_npz: Path = validation_predictions.PATH,
    head_folder: Path = head.FOLDER,
    scored_test_csv: Path = metrics.SCORED_TEST,
    out: Path = metrics.METRICS,
    scored_validation_csv: Path = metrics.SCORED_VALIDATION,
    classes_csv: Path = metrics.CLASSES,
    calibration_csv: Path = metrics.CALIBRATION,
) -> None:
    """Evaluates on the validation images, and on the test images whose class is known.

    classes.csv and calibration.csv are about the test images if there are any, else about the
    validation images.
    """
    info = head.read_info(head_folder)
    validated = validation_predictions.read(predictions_npz)
    probabilities = validated.probabilities.astype(np.float64)
    scored = metrics.score(probabilities, validated.labels, info.class_names)
    metrics.write(scored_validation_csv, validated.paths.tolist(), scored)
    scored_sets = {"validation": scored, "test": metrics.read(scored_test_csv)}
    values = {name: metrics.compute(one) for name, one in scored_sets.items() if len(one.label)}
    by_class = scored_sets["test" if "test" in values else "validation"]
    files.write_csv(classes_csv, metrics.CLASSES_HEADER, metrics.class_rows(by_class))
    files.write_csv(calibration_csv, metrics.CALIBRATION_HEADER, metrics.calibration_rows(by_class))
    files.write_json(out, {"weights": info.weights, **values})
    parts = (
        f"{name} accuracy {part['accuracy']:.3f} "
        f"[{part['accuracy_low']:.3f}-{part['accuracy_high']:.3f}] of {part['n']}"
        for name, part in values.items()
    )
    missing = "" if "test" in values else f"; {NO_TEST_SCORE}"
    print(f"evaluate: {', '.join(parts)} -> {out.as_posix()}{missing}{info.warning}")


if __name__ == "__main__":
    run_main(main)
