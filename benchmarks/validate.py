"""Time and peak memory of `validate` on JPEG files that say when they were taken.

    python -m benchmarks.validate [--count 100000] [--work DIR]

Squares of random colours, 96 x 96 pixels, are drawn, 50 at a time by one camera, and validated
twice: when all are new, and when all are known. A million files need about 5 GB below DIR.
"""

import argparse
import json
import shutil
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from benchmarks import drawn
from benchmarks.drawn_stage import LOG, SETTINGS
from benchmarks.pipeline import ROOT
from benchmarks.repro import shell

CELL = 12  # pixels of a square of one colour; there are 8 x 8
SERIES, CAMERAS = 50, 7
BLOCK = 10_000  # files that a process draws
TEST = 0.02  # fraction of test images
START = datetime(2020, 1, 1)
HEADING = "| images | files | s | peak MiB |\n|---|---|---|---|"


def exif(number: int) -> Image.Exif:
    """Returns when an image was taken, one each second, and by which camera."""
    tags = Image.Exif()
    tags[ExifTags.Base.Model] = f"camera {number // SERIES % CAMERAS}"
    taken = START + timedelta(seconds=number)
    tags.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = f"{taken:%Y:%m:%d %H:%M:%S}"
    return tags


def draw(folder: Path, count: int, first: int) -> None:
    """Draws the images of a block."""
    for number in range(first, min(first + BLOCK, count)):
        path = (folder / drawn.path_of(number, TEST)).with_suffix(".jpg")
        path.parent.mkdir(parents=True, exist_ok=True)
        squares = np.random.default_rng(number).integers(0, 256, (8, 8, 3), np.uint8)
        pixels = squares.repeat(CELL, axis=0).repeat(CELL, axis=1)
        Image.fromarray(pixels).save(path, quality=30, exif=exif(number))


def measure(folder: Path, count: int) -> None:
    """Draws images, validates them twice and prints what that took."""
    for name in ("classifier", "stages", "benchmarks"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "params.yaml", folder)
    (folder / SETTINGS).write_text(json.dumps({"files": True}))
    with ProcessPoolExecutor() as pool:
        list(pool.map(partial(draw, folder, count), range(0, count, BLOCK)))
    time.sleep(3)  # or the last ones count as changed just now
    for files in ("new", "known"):
        shell(folder, "python", "-m", "benchmarks.drawn_stage", "validate")
        line = json.loads((folder / LOG).read_text(encoding="utf-8").splitlines()[-1])
        print(
            f"| {count:,} | {files} | {line['seconds']:.1f} | {line['peak_mib']:.0f} |", flush=True
        )


def main() -> None:
    """Measures each number of images."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, nargs="+", default=[100_000])
    parser.add_argument(
        "--work", type=Path, help="folder for the files; default: the temporary folder"
    )
    args = parser.parse_args()
    print(HEADING)
    for count in args.count:
        with tempfile.TemporaryDirectory(dir=args.work) as folder:
            measure(Path(folder), count)


if __name__ == "__main__":
    main()
