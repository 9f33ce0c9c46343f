"""What altered copies, fine-tuning and averaging bring: test accuracy with its 95 % interval.

    python -m benchmarks.gains --weights FILE.h5 --images DIR [DIR ...] [--only NAME ...]
        [--seeds 1 2 3] [--json FILE]

Each DIR holds train/<class>/* and test/<class>/*. The seeds are those of `train` (split, first
weights, order), and their test images are summed, so the interval is a little too narrow. The
image store is shared: features are computed once for all rows.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from benchmarks.pipeline import prepare
from classifier.evaluation import metrics

CUT = {"freeze.last_layer": "mixed8"}
MAPS = {**CUT, "freeze.pooling": "none"}
COPIES = {"extract.augmented_copies": 5}
TUNED = {"train.fine_tune_epochs": 20}
AVERAGED = {"extract.tta_views": 2}
ROWS: dict[str, dict[str, object]] = {
    "averaged mixed8": CUT,
    "averaged mixed8 + mirror image": {**CUT, **AVERAGED},
    "averaged mixed8 + 5 copies": {**CUT, **COPIES},
    "averaged mixed8 + 5 copies + mirror image": {**CUT, **COPIES, **AVERAGED},
    "mixed8 maps, frozen blocks": MAPS,
    "mixed8 maps + 5 copies": {**MAPS, **COPIES},
    "mixed8 maps + fine-tuning": {**MAPS, **TUNED},
    "mixed8 maps + 5 copies + fine-tuning": {**MAPS, **COPIES, **TUNED},
    "mixed8 maps + 5 copies + fine-tuning + mirror image": {
        **MAPS,
        **COPIES,
        **TUNED,
        **AVERAGED,
    },
}


def run(folder: Path, changes: dict[str, object], stages: tuple[str, ...]) -> float:
    """Runs stages with params changed and returns the seconds of `train`."""
    path = folder / "params.yaml"
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    for name, value in changes.items():
        section, _, key = name.partition(".")
        document[section][key] = value
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    seconds = 0.0
    for stage in stages:
        started = time.perf_counter()
        command = [sys.executable, "-m", f"stages.{stage}"]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - started if stage == "train" else seconds
    return seconds


def main() -> None:
    """Measures every row on every set."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--images", type=Path, nargs="+", required=True)
    parser.add_argument("--only", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--set", nargs="+", default=[], metavar="SECTION.NAME=VALUE")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    given = dict(change.split("=", 1) for change in arguments.set)
    extra = {name: yaml.safe_load(value) for name, value in given.items()}
    found = []
    print("| set | | right | accuracy [95 %] | train s |\n|---|---|---|---|---|")
    for images in arguments.images:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / "project"
            prepare(folder, images, {"fetch.weights": str(arguments.weights.resolve())})
            run(folder, {}, ("validate", "fetch"))
            plain = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
            for one in arguments.only:
                (folder / "params.yaml").write_text(yaml.safe_dump(plain), encoding="utf-8")
                run(folder, {**ROWS[one], **extra}, ("freeze", "extract", "inspect"))
                found.append({"set": images.name, "name": one, **judged(folder, arguments.seeds)})
                print(row(found[-1]), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2))


def judged(folder: Path, seeds: list[int]) -> dict[str, object]:
    """Returns right test images, their number and the mean seconds of `train` over the seeds."""
    right = count = 0
    seconds = 0.0
    for seed in seeds:
        seconds += run(folder, {"train.seed": seed}, ("train", "predict", "evaluate"))
        test = json.loads((folder / "results" / "metrics.json").read_text())["test"]
        right, count = right + round(test["accuracy"] * test["n"]), count + test["n"]
    return {"right": right, "count": count, "seconds": seconds / len(seeds)}


def row(one: dict[str, object]) -> str:
    """Returns a row of the table."""
    right, count = int(str(one["right"])), int(str(one["count"]))
    low, high = metrics.wilson(right, count)
    said = f"{right / count:.3f} [{low:.3f}-{high:.3f}]"
    return f"| {one['set']} | {one['name']} | {right} of {count} | {said} | {one['seconds']:.1f} |"


if __name__ == "__main__":
    main()
