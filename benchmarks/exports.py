"""How closely each export format reproduces the pipeline's probabilities, its size and speed.

    python -m benchmarks.exports --images DIR --weights FILE.h5 [--precision P...]

DIR holds train/<class>/* and test/<class>/*. The pipeline runs on it, exports all formats, and
measures them on test images: the rows are those of results/exports.csv. Needs `onnx` and
`onnxruntime`.
"""

import argparse
import tempfile
from pathlib import Path

from benchmarks.pipeline import prepare, run_stages
from classifier.common import files
from stages.export.agreement import PATH
from stages.export.params import FORMATS

COLUMNS = {
    "format": "s",
    "megabytes": ".1f",
    "largest_difference": ".4f",
    "mean_difference": ".5f",
    "agreement": ".3f",
    "accuracy": ".3f",
    "images_per_second": ".1f",
}


def measure(folder: Path, images: Path, weights: Path, precision: str) -> list[dict[str, str]]:
    """Returns the rows of results/exports.csv after a run of the pipeline in an empty folder."""
    changes: dict[str, object] = {
        f"export.{one.name}": one.precision in ("", precision) for one in FORMATS
    }
    changes |= {"fetch.weights": str(weights.resolve()), "freeze.precision": precision}
    prepare(folder, images, changes)
    run_stages(folder)
    return files.read_csv(folder / PATH)


def cell(text: str, form: str) -> str:
    """Returns a value of the table as it is printed."""
    return text if form == "s" or not text else f"{float(text):{form}}"


def main() -> None:
    """Measures every format in every precision."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--precision", nargs="+", default=["int8", "float32"])
    args = parser.parse_args()
    print(f"| precision | {' | '.join(COLUMNS)} |".replace("_", " "))
    print("|---" * (len(COLUMNS) + 1) + "|")
    for precision in args.precision:
        with tempfile.TemporaryDirectory() as name:
            for row in measure(Path(name), args.images, args.weights, precision):
                cells = (cell(row[column], form) for column, form in COLUMNS.items())
                print(f"| {precision} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
