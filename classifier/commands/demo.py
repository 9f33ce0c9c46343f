"""Run the whole pipeline on the images that come with it: `python -m classifier demo`.

Reads   dvc.yaml, params.yaml, .dvcignore, classifier/, stages/
Writes  demo/, a copy of the pipeline with its own images and results
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from classifier.common import files
from classifier.common.errors import StageError
from classifier.evaluation import metrics, predictions
from classifier.serving.writers import align

FOLDER = Path("demo")
IMAGES = Path(__file__).with_name("demo_images")
PARAMS = Path("params.yaml")
ROWS = 6  # predictions printed
DVC_CONFIG = "[core]\n    analytics = false\n    check_update = false\n    no_scm = true\n"
NO_WEIGHTS = """
****************************************************************************************
*  The ImageNet weights could not be downloaded (see the error above). Random weights  *
*  are used for this demo: every step runs, but the predictions are little better      *
*  than chance, and the test accuracy below says nothing about your own images.        *
****************************************************************************************
"""
EPILOG = """
example: python -m classifier demo

An existing demo/ is updated: the code and dvc.yaml are replaced. Its images, its results and a
params.yaml that you have edited are kept.
"""


def copy_pipeline() -> None:
    """Copies the pipeline to FOLDER; what an earlier demo computed stays there."""
    FOLDER.mkdir(exist_ok=True)
    ignore = shutil.ignore_patterns("__pycache__", IMAGES.name)
    for code in ("classifier", "stages"):
        files.remove(FOLDER / code)
        shutil.copytree(code, FOLDER / code, ignore=ignore)
    for name in ("dvc.yaml", ".dvcignore"):
        shutil.copyfile(name, FOLDER / name)
    (FOLDER / ".dvc").mkdir(exist_ok=True)
    (FOLDER / ".dvc" / "config").write_text(DVC_CONFIG, encoding="utf-8")


def copy_params(target: Path) -> None:
    """Copies params.yaml unless the user has edited the copy of an earlier demo."""
    text = PARAMS.read_text(encoding="utf-8")
    if target.exists() and target.read_text(encoding="utf-8") not in (text, random_weights(text)):
        print(f"demo: keeping your {target.as_posix()}", flush=True)
    else:
        target.write_text(text, encoding="utf-8")


def random_weights(params_yaml: str) -> str:
    """Returns the text of params.yaml with `weights: imagenet` replaced by random weights."""
    return re.sub(r"\bweights: imagenet\b", "weights: random", params_yaml, count=1)


def repro(*stages: str) -> bool:
    """Runs `dvc repro` in FOLDER with this Python, and returns whether it succeeded."""
    programs = str(Path(sys.executable).parent)
    env = {**os.environ, "PATH": programs + os.pathsep + os.environ.get("PATH", "")}
    command = [sys.executable, "-m", "dvc", "repro", "--quiet", *stages]
    return subprocess.run(command, cwd=FOLDER, env=env, check=False).returncode == 0


def use_random_weights(params_yaml: Path) -> bool:
    """Sets random weights in params.yaml, and returns whether it said `imagenet` before."""
    before = params_yaml.read_text(encoding="utf-8")
    after = random_weights(before)
    params_yaml.write_text(after, encoding="utf-8")
    return after != before


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
    scores = json.loads((FOLDER / metrics.METRICS).read_text(encoding="utf-8"))
    split = "test" if "test" in scores else "validation"
    score = scores[split]
    correct = round(score["accuracy"] * score["n"])
    return (
        f"{split} accuracy: {score['accuracy']:.3f} ({correct} of {score['n']} images, 95 % "
        f"confidence interval {score['accuracy_low']:.3f} to {score['accuracy_high']:.3f})"
    )


def main() -> None:
    """Runs the demo in FOLDER."""
    argparse.ArgumentParser(
        prog="python -m classifier demo",
        description="Run the whole pipeline in demo/ on 84 example images.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()
    copy_pipeline()
    copy_params(FOLDER / PARAMS)
    if (images := FOLDER / "input").exists():
        print(f"demo: keeping the images in {images.as_posix()}", flush=True)
    else:
        with files.atomic_write(images) as part:
            shutil.copytree(IMAGES, part)
    if not repro("params"):
        raise StageError(f"{FOLDER}: `dvc repro` failed; the error is above")
    if not repro("fetch") and use_random_weights(FOLDER / PARAMS):
        print(NO_WEIGHTS, flush=True)
    if not repro():
        raise StageError(f"{FOLDER}: `dvc repro` failed; the error is above")
    print(summary())
