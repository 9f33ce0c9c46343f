"""Run the whole pipeline on the images that come with it: `python -m classifier demo`.

Reads   dvc.yaml, params.yaml, .dvcignore, classifier/, stages/
Writes  demo/, a copy of the pipeline with its own images and results
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from classifier.commands import _demo_folder, _demo_params
from classifier.commands._demo_params import FOLDER, PARAMS
from classifier.common import files
from classifier.common.errors import StageError
from classifier.evaluation import metrics, predictions
from classifier.serving.writers import align

ROWS = 6  # predictions printed
NO_WEIGHTS = """
****************************************************************************************
*  The ImageNet weights could not be downloaded (see the error above). Random weights  *
*  are used for this demo: every step runs, but the predictions are little better      *
*  than chance, and the test accuracy below says nothing about your own images.        *
****************************************************************************************
"""
EPILOG = """
example: python -m classifier demo

An existing demo/ is updated. Its images and results are kept, and so is what you have edited there:
params.yaml, or all of the code.
"""


def repro(*stages: str) -> bool:
    """Runs `dvc repro` in FOLDER with this Python, and returns whether it succeeded."""
    programs = str(Path(sys.executable).parent)
    env = {**os.environ, "PATH": programs + os.pathsep + os.environ.get("PATH", "")}
    command = [sys.executable, "-m", "dvc", "repro", "--quiet", *stages]
    return subprocess.run(command, cwd=FOLDER, env=env, check=False).returncode == 0


def summary() -> str:
    """Returns the first predictions, the test accuracy, and where the results are."""
    rows = files.read_csv(FOLDER / predictions.PATH)
    header = ["path", "predicted", "probability"]
    lines = align([header, *([row[name] for name in header] for row in rows[:ROWS])])
    if len(rows) > ROWS:
        lines.append(f"... and {len(rows) - ROWS} more")
    places: list[tuple[str, Path | str]] = [
        ("all predictions", predictions.PATH),
        ("report, for a browser", "results/report.html"),
        ("model for other programs", "models/exported"),
        ("images", "input"),
        ("settings; after a change, run `dvc repro` in demo/", PARAMS),
    ]
    where = align([[what, (FOLDER / path).as_posix()] for what, path in places])
    return "\n".join(["", *lines, "", _accuracy(), "", *where])


def _accuracy() -> str:
    """Returns the test accuracy, or the validation accuracy if the test classes are unknown."""
    scores = json.loads((FOLDER / metrics.PATH).read_text(encoding="utf-8"))
    split = "test" if "test" in scores else "validation"
    score = scores[split]
    correct = round(score["accuracy"] * score["n"])
    return (
        f"{split} accuracy: {score['accuracy']:.3f} ({correct} of {score['n']} images, 95 % "
        f"confidence interval {score['accuracy_low']:.3f} to {score['accuracy_high']:.3f})"
    )


def main() -> None:
    """Runs the demo in FOLDER."""
    parser = argparse.ArgumentParser(
        prog="python -m classifier demo",
        description="Run the whole pipeline in demo/ on 84 example images.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--remove", action="store_true", help="delete demo/")
    args = parser.parse_args()
    if args.remove:
        _demo_folder.delete()
        return
    unedited = _demo_folder.prepare()
    if not repro("params"):
        raise StageError(f"{FOLDER}: `dvc repro` failed; the error is above")
    if not repro("fetch") and unedited and _demo_params.use_random_weights(FOLDER / PARAMS):
        print(NO_WEIGHTS, flush=True)
    if not repro():
        raise StageError(f"{FOLDER}: `dvc repro` failed; the error is above")
    print(summary())
