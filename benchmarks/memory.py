"""Peak memory and speed of `extract` at several numbers of images.

    python -m benchmarks.memory --weights FILE.h5 --images DIR [--count 1000 10000] [--large]

DIR holds train/<class>/*; its files are repeated under other names until there are `--count`;
--large adds images of 10,000 x 10,000 pixels in every format. Peak memory is that of the process,
and of the largest process that it started (a worker of `validate`), as the operating system reports
it.
"""

import argparse
import itertools
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import peak
from benchmarks.pipeline import prepare

CODE = "import {0} as stage; stage.main()" + peak.CODE
MODULES = {
    "validate": "stages.validate.stage",
    "fetch": "stages.fetch",
    "freeze": "stages.freeze",
    "extract": "stages.extract.stage",
}
CODE += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)"  # of a worker
SIDE = 10_000  # pixels of a large image


def repeated(images: Path, folder: Path, count: int) -> Path:
    """Returns a folder with `count` links to the training images of another."""
    sources = sorted(path for path in (images / "train").rglob("*") if path.is_file())
    for number, source in enumerate(itertools.islice(itertools.cycle(sources), count)):
        link = folder / "train" / source.parent.name / f"{number}{source.suffix}"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(source.resolve())
    return folder


def draw_large(folder: Path) -> None:
    """Draws images of SIDE x SIDE pixels in many formats."""
    folder.mkdir(parents=True)
    x = np.linspace(0, 9, SIDE, dtype=np.float32)
    grey = ((np.sin(5 * x[:, None]) + np.cos(7 * x)) * 60 + 127).astype(np.uint8)
    colour = Image.fromarray(np.stack([grey, grey.T, 255 - grey], -1))
    alpha = Image.fromarray(grey)
    clear = colour.copy()
    clear.putalpha(alpha)
    palette = colour.quantize(256)
    for name, image, options in (
        ("baseline.jpg", colour, {}),
        ("progressive.jpg", colour, {"progressive": True}),
        ("progressive444.jpg", colour, {"progressive": True, "subsampling": 0}),
        ("cmyk.jpg", colour.convert("CMYK"), {"progressive": True}),
        ("rgb.png", colour, {"compress_level": 1}),
        ("rgba.png", clear, {"compress_level": 1}),
        ("grey_alpha.png", clear.convert("LA"), {"compress_level": 1}),
        ("16_bit.png", Image.fromarray(grey.astype(np.uint16) * 257), {"compress_level": 1}),
        ("palette.png", palette, {"transparency": 3, "compress_level": 1}),
        ("palette.gif", palette, {}),
        ("plain.bmp", colour, {}),
        ("plain.tiff", colour, {}),
        ("lzw.tiff", colour, {"compression": "tiff_lzw"}),
        ("32_bit.tiff", Image.fromarray(grey.astype(np.float32)), {}),
    ):
        image.save(folder / name, **options)


def measure(args: argparse.Namespace, count: int, precision: str) -> None:
    """Measures `validate` and `extract` with `count` images and prints a row for each."""
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        folder = Path(first)
        images = repeated(args.images.resolve(), Path(second), count)
        if args.large:
            draw_large(images / "train" / "large")
        changes = {"fetch.weights": str(args.weights.resolve()), "freeze.precision": precision}
        prepare(folder, images, changes)
        for stage, module in MODULES.items():
            started = time.perf_counter()
            command = [sys.executable, "-c", CODE.format(module)]
            done = subprocess.run(
                command, cwd=folder, check=True, stdout=subprocess.PIPE, text=True
            )
            seconds = time.perf_counter() - started
            peak_mib, worker_mib = map(float, done.stdout.splitlines()[-2:])
            if stage in ("validate", "extract"):
                cells = (stage, precision, f"{count:,}", f"{peak_mib:,.0f}", f"{worker_mib:,.0f}")
                print(f"| {' | '.join(cells)} | {seconds:.1f} |", flush=True)


def main() -> None:
    """Measures each number of images."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--count", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--precision", nargs="+", default=["int8"], choices=("int8", "float32"))
    args = parser.parse_args()
    print("| stage | precision | images | peak MiB | of a worker, MiB | s |\n" + "|---" * 6 + "|")
    for count in args.count:
        for precision in args.precision:
            measure(args, count, precision)


if __name__ == "__main__":
    main()
