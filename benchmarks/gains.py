"""Test accuracy with augmented copies, fine-tuning and test-time augmentation.

    python -m benchmarks.gains --weights FILE.h5 --images DIR [DIR ...] [--only NAME ...]
        [--seeds 1 2 3] [--json FILE]

Each DIR holds train/<class>/* and test/<class>/*. The seeds are those of `train` (split, initial
weights, order). Counts are summed over them, so the 95 % interval is a little too narrow. All rows
share a cache: features are computed once.
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
from classifier.evaluation import intervals

LAYERS: dict[str, object] = {"freeze.layers": ["mixed8"]}
MAPS = {**LAYERS, "freeze.pooling": "none"}
COPIES = {"extract.augmented_copies": 5}
FINE_TUNED = {"train.fine_tune_epochs": 20}
TTA = {"extract.tta_views": 2}
ROWS: dict[str, dict[str, object]] = {
    "averaged mixed8": LAYERS,
    "averaged mixed8 + mirror image": {**LAYERS, **TTA},
    "averaged mixed8 + 5 copies": {**LAYERS, **COPIES},
    "averaged mixed8 + 5 copies + mirror image": {**LAYERS, **COPIES, **TTA},
    "mixed8 maps, frozen blocks": MAPS,
    "mixed8 maps + 5 copies": {**MAPS, **COPIES},
    "mixed8 maps + fine-tuning": {**MAPS, **FINE_TUNED},
    "mixed8 maps + 5 copies + fine-tuning": {**MAPS, **COPIES, **FINE_TUNED},
    "mixed8 maps + 5 copies + fine-tuning + mirror image": {
        **MAPS,
        **COPIES,
        **FINE_TUNED,
        **TTA,
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
    """Measures every row on every dataset."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--images", type=Path, nargs="+", required=True)
    parser.add_argument("--only", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--set", nargs="+", default=[], metavar="SECTION.NAME=VALUE")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    changes = dict(change.split("=", 1) for change in args.set)
    extra = {name: yaml.safe_load(value) for name, value in changes.items()}
    results = []
    print("| dataset | | correct | accuracy [95 %] | train s |\n|---|---|---|---|---|")
    for images in args.images:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary) / "project"
            prepare(folder, images, {"fetch.weights": str(args.weights.resolve())})
            run(folder, {}, ("validate", "fetch"))
            defaults = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
            for name in args.only:
                (folder / "params.yaml").write_text(yaml.safe_dump(defaults), encoding="utf-8")
                run(folder, {**ROWS[name], **extra}, ("freeze", "extract", "inspect"))
                scores = train_and_score(folder, args.seeds)
                results.append({"dataset": images.name, "name": name, **scores})
                print(table_row(results[-1]), flush=True)
    if args.json:
        args.json.write_text(json.dumps(results, indent=2))


def train_and_score(folder: Path, seeds: list[int]) -> dict[str, object]:
    """Returns correct test predictions, test images and mean seconds of `train` over the seeds."""
    correct = count = 0
    seconds = 0.0
    for seed in seeds:
        seconds += run(folder, {"train.seed": seed}, ("train", "predict", "evaluate"))
        test = json.loads((folder / "results" / "metrics.json").read_text())["test"]
        correct, count = correct + round(test["accuracy"] * test["n"]), count + test["n"]
    return {"correct": correct, "count": count, "seconds": seconds / len(seeds)}


def table_row(result: dict[str, object]) -> str:
    """Returns a row of the table."""
    correct, count = int(str(result["correct"])), int(str(result["count"]))
    low, high = intervals.wilson(correct, count)
    cells = [str(result["dataset"]), str(result["name"]), f"{correct} of {count}"]
    cells += [f"{correct / count:.3f} [{low:.3f}-{high:.3f}]", f"{result['seconds']:.1f}"]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
