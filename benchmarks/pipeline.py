"""Accuracy and seconds per stage of the whole pipeline on folders of images.

    python -m benchmarks.pipeline --weights FILE.h5 --images DIR [DIR ...]
        [--layers mixed8 mixed10]

Each DIR holds train/<class>/* and test/<class>/*. The baseline is scikit-learn's
logistic regression on the same features (centred; for each C of 0.01, 0.1, 1, 10).
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml
from sklearn.linear_model import LogisticRegression

from classifier.dataset import features

ROOT = Path(__file__).parents[1]
STAGES = tuple(yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"])


def prepare(folder: Path, images: Path, changes: dict[str, object]) -> None:
    """Copies the pipeline to `folder`, with `images` as its input and params changed."""
    for code in ("classifier", "stages"):
        shutil.copytree(ROOT / code, folder / code)
    shutil.copytree(images.resolve(), folder / "input", copy_function=os.symlink)
    document = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    for name, value in changes.items():
        section, _, key = name.partition(".")
        document[section][key] = value
    (folder / "params.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")


def run_stages(folder: Path) -> dict[str, float]:
    """Runs the stages in order and returns the seconds of each, start-up included."""
    seconds = {}
    for stage in STAGES:
        started = time.perf_counter()
        command = [sys.executable, "-m", f"stages.{stage}"]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        seconds[stage] = time.perf_counter() - started
    return seconds


def logistic_regression(folder: Path) -> dict[str, float]:
    """Returns the test accuracy of scikit-learn's logistic regression by its C."""
    train, test = (features.read(folder / p) for p in (features.TRAIN, features.TEST))
    x_train, x_test = train.features[:], test.features[:]
    mean = x_train.mean(axis=0)
    scores = {}
    for c in (0.01, 0.1, 1, 10):
        model = LogisticRegression(C=c, max_iter=5000)
        model.fit(x_train - mean, train.labels[:])
        scores[str(c)] = round(float(model.score(x_test - mean, test.labels[:])), 3)
    return scores


def interval(scores: dict[str, float]) -> str:
    """Returns an accuracy with its 95 % interval."""
    return "{accuracy:.3f} [{accuracy_low:.3f}-{accuracy_high:.3f}] of {n}".format(**scores)


def measure(images: Path, weights: Path, layers: str) -> None:
    """Measures one dataset with one list of layers and prints the results."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        changes = {"fetch.weights": str(weights.resolve()), "freeze.layers": layers.split(",")}
        prepare(folder, images, changes)
        seconds = run_stages(folder)
        metrics = json.loads((folder / "results" / "metrics.json").read_text())
        data = json.loads((folder / "results" / "dataset.json").read_text())
        count = data["train"] + data["validation"] + data["test"]
        print(f"{images.name} {layers}: validation {interval(metrics['validation'])}", end="")
        print(f", test {interval(metrics['test'])}" if "test" in metrics else "")
        print(
            f"  logistic regression on the same features, test, by C: {logistic_regression(folder)}"
        )
        print(f"  seconds: {', '.join(f'{k} {v:.1f}' for k, v in seconds.items())}", end="")
        print(
            f"; extract: {count / seconds['extract']:.1f} images/s, start-up included", flush=True
        )


def main() -> None:
    """Measures every dataset with every list of layers."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=Path, nargs="+", required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--layers", nargs="+", default=["mixed8", "mixed10"])
    args = parser.parse_args()
    for images in args.images:
        for layers in args.layers:
            measure(images, args.weights, layers)


if __name__ == "__main__":
    main()
