"""Score the head on the pictures it did not learn from.

Reads   results/train.npz, results/split.csv, models/head, results/test.csv
Writes  results/metrics.json, results/validation.csv, results/classes.csv, results/calibration.csv
"""

from pathlib import Path

from stages import features, head, outputs, scores, split
from stages.errors import run


def main(
    train: Path = features.TRAIN,
    split_csv: Path = split.PATH,
    folder: Path = head.FOLDER,
    test_csv: Path = scores.TEST,
    out: Path = scores.METRICS,
    validation_csv: Path = scores.VALIDATION,
    classes_csv: Path = scores.CLASSES,
    calibration_csv: Path = scores.CALIBRATION,
) -> None:
    """Evaluates on the validation pictures, and on the test pictures where their class is known.

    What is told by class and by probability is of the test pictures then, else of the others.
    """
    model = head.read(folder, head.SCORED_WEIGHTS)
    table, folds = features.read(train), split.read(split_csv)
    pictures = table.grid(table.averaged)
    paths = table.paths[pictures[:, 0]].tolist()
    validates = [folds[path] == split.VALIDATION for path in paths]
    pictures = pictures[validates]
    probabilities = model.judge(table, pictures)
    rows = pictures[:, 0]
    scored = scores.score(probabilities, table.labels[rows], model.about.class_names)
    parts = {"validation": scored, "test": scores.read(test_csv)}
    metrics = {name: scores.metrics(part) for name, part in parts.items() if len(part.label)}
    scores.write(validation_csv, table.paths[rows].tolist(), scored)
    best = parts["test"] if "test" in metrics else scored
    outputs.write_csv(classes_csv, scores.CLASSES_HEADER, scores.by_class(best))
    outputs.write_csv(calibration_csv, scores.CALIBRATION_HEADER, scores.by_probability(best))
    outputs.write_json(out, {"weights": model.about.weights, **metrics})
    said = (
        f"{name} accuracy {part['accuracy']:.3f} "
        f"[{part['accuracy_low']:.3f}-{part['accuracy_high']:.3f}] of {part['n']}"
        for name, part in metrics.items()
    )
    print(f"evaluate: {', '.join(said)} -> {out.as_posix()}{model.about.warning}")


if __name__ == "__main__":
    run(main)
