"""Score the head on the images it did not learn from.

Reads   results/features_train.npz, results/split.csv, models/head, results/scored_test.csv
Writes  results/metrics.json, results/scored_validation.csv, results/classes.csv, results/calibration.csv
"""

from pathlib import Path

from classifier import head
from classifier.common import files
from classifier.common.errors import run_main
from classifier.dataset import features, split
from classifier.evaluation import metrics


def main(
    train: Path = features.TRAIN,
    split_csv: Path = split.PATH,
    folder: Path = head.FOLDER,
    test_csv: Path = metrics.SCORED_TEST,
    out: Path = metrics.METRICS,
    validation_csv: Path = metrics.SCORED_VALIDATION,
    classes_csv: Path = metrics.CLASSES,
    calibration_csv: Path = metrics.CALIBRATION,
) -> None:
    """Evaluates on the validation images, and on the test images where their class is known.

    What is told by class and by probability is of the test images then, else of the others.
    """
    model = head.read(folder, head.EVALUATION)
    table, folds = features.read(train), split.read(split_csv)
    images = table.view_rows(table.tta_views)
    paths = table.paths[images[:, 0]].tolist()
    validates = [folds[path] == split.VALIDATION for path in paths]
    images = images[validates]
    probabilities = model.predict(table, images)
    rows = images[:, 0]
    scored = metrics.score(probabilities, table.labels[rows], model.info.class_names)
    parts = {"validation": scored, "test": metrics.read(test_csv)}
    values = {name: metrics.metrics(part) for name, part in parts.items() if len(part.label)}
    metrics.write(validation_csv, table.paths[rows].tolist(), scored)
    best = parts["test"] if "test" in values else scored
    files.write_csv(classes_csv, metrics.CLASSES_HEADER, metrics.by_class(best))
    files.write_csv(calibration_csv, metrics.CALIBRATION_HEADER, metrics.by_probability(best))
    files.write_json(out, {"weights": model.info.weights, **values})
    said = (
        f"{name} accuracy {part['accuracy']:.3f} "
        f"[{part['accuracy_low']:.3f}-{part['accuracy_high']:.3f}] of {part['n']}"
        for name, part in values.items()
    )
    print(f"evaluate: {', '.join(said)} -> {out.as_posix()}{model.info.warning}")


if __name__ == "__main__":
    run_main(main)
