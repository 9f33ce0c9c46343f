"""The heads of `train`, compared on test images of known classes.

    python -m benchmarks.heads PROJECT [PROJECT ...] [--head auto discriminant logistic mean dense]

Each PROJECT is a folder with the results of `extract` (features_train, features_test) and
of `inspect` (excluded.csv, near_duplicates.csv) in results/. Printed for each head: accuracy, log
loss and calibration error on the test images, those in cross-validation, and seconds; at the end
their means over the projects. `by chance` is the calibration error on as many test images if all
probabilities were right.
"""

import argparse
import contextlib
import io
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import yaml

from classifier import head
from classifier.common import params
from classifier.dataset import features, validation_predictions
from classifier.evaluation import calibration, metrics, scored_images
from stages.train import stage

HEADS = ("auto", "discriminant", "logistic", "mean", "dense")
NAMES = ("accuracy", "log_loss", "expected_calibration_error")
HEADING = (
    "| dataset | head | test images | accuracy | log loss | calibration error | by chance | "
    "cross-validated accuracy | log loss | calibration error | s |\n" + "|---" * 11 + "|"
)


def scores(probabilities: np.ndarray, labels: np.ndarray, names: list[str]) -> dict[str, float]:
    """Returns the metrics of predictions, and the calibration error to expect by chance."""
    scored = scored_images.score(probabilities.astype(np.float64), labels, names)
    draws = np.random.default_rng(0).random((100, len(labels))) < scored.probability
    chance = [calibration.expected_error(scored.probability, correct) for correct in draws]
    return metrics.compute(scored) | {"chance": float(np.mean(chance))}


def train(project: Path, kind: str, folder: Path) -> list[float]:
    """Returns the number of test images, scores on them, scores out of fold, and seconds."""
    results = project.resolve() / "results"
    settings = yaml.safe_load(params.PATH.read_text(encoding="utf-8"))
    settings["train"]["head"] = kind
    (folder / "params.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    inputs = (results / name for name in ("features_train", "excluded.csv"))
    copies, base = results / "near_duplicates.csv", project.resolve() / "models" / "base"
    start = time.perf_counter()
    with contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()):
        stage.main(*inputs, copies, base)
        seconds = time.perf_counter() - start
        model = head.read(head.FOLDER)
        validated = validation_predictions.read(validation_predictions.PATH)
    test, names = features.read(results / "features_test"), list(model.info.class_names)
    views = test.view_rows(test.tta_views)
    views = views[test.labels[views[:, 0]] >= 0]
    probabilities, _ = model.predict(test, views)
    tested = scores(probabilities, test.labels[views[:, 0]], names)
    out_of_fold = scores(validated.probabilities[:], validated.labels[:], names)
    values = [tested[name] for name in ("n", *NAMES, "chance")]
    return [*values, *(out_of_fold[name] for name in NAMES), seconds]


def row(name: str, kind: str, values: Sequence[float]) -> str:
    """Returns a row of the table."""
    images, *parts, seconds = values
    cells = [name, kind, f"{images:.0f}", *(f"{part:.3f}" for part in parts), f"{seconds:.1f}"]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Prints a row for each project and head."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("projects", nargs="+", type=Path, metavar="PROJECT")
    parser.add_argument("--head", nargs="+", choices=HEADS, default=HEADS)
    given = parser.parse_args()
    print(HEADING)
    rows: dict[str, list[list[float]]] = {kind: [] for kind in given.head}
    for project in given.projects:
        for kind, values in rows.items():
            with tempfile.TemporaryDirectory() as folder:
                (Path(folder) / "results").mkdir()
                values.append(train(project, kind, Path(folder)))
            print(row(project.resolve().name, kind, values[-1]), flush=True)
    for kind, values in rows.items():
        print(row("mean", kind, np.mean(values, axis=0).tolist()))


if __name__ == "__main__":
    main()
