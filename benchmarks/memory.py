"""Peak memory and speed of `extract` at several numbers of images.

    python -m benchmarks.memory --weights FILE.h5 --images DIR [--count 1000 10000] [--large]

DIR holds train/<class>/*; its files are taken again and again under other names until there are
as many as asked; with --large, images of 10,000 x 10,000 pixels in every format come on top.
Peak memory is the operating system's, of the process and of the largest that it has started (the
workers of `validate`).
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

CODE = "from stages import {0}; {0}.main()" + peak.CODE
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
    at = np.linspace(0, 9, SIDE, dtype=np.float32)
    grey = ((np.sin(5 * at[:, None]) + np.cos(7 * at)) * 60 + 127).astype(np.uint8)
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


def measure(arguments: argparse.Namespace, count: int, precision: str) -> None:
    """Measures `validate` and `extract` at one number of images and prints what came out."""
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        folder = Path(first)
        images = repeated(arguments.images.resolve(), Path(second), count)
        if arguments.large:
            draw_large(images / "train" / "large")
        changes = {"fetch.weights": str(arguments.weights.resolve()), "freeze.precision": precision}
        prepare(folder, images, changes)
        for stage in ("validate", "fetch", "freeze", "extract"):
            started = time.perf_counter()
            command = [sys.executable, "-c", CODE.format(stage)]
            done = subprocess.run(
                command, cwd=folder, check=True, stdout=subprocess.PIPE, text=True
            )
            seconds = time.perf_counter() - started
            most, worker = map(float, done.stdout.splitlines()[-2:])
            if stage in ("validate", "extract"):
                cells = (stage, precision, f"{count:,}", f"{most:,.0f}", f"{worker:,.0f}")
                print(f"| {' | '.join(cells)} | {seconds:.1f} |", flush=True)


def main() -> None:
    """Measures every number of images."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--count", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--precision", nargs="+", default=["int8"], choices=("int8", "float32"))
    arguments = parser.parse_args()
    print("| stage | precision | images | peak MiB | of a worker | s |\n" + "|---" * 6 + "|")
    for count in arguments.count:
        for precision in arguments.precision:
            measure(arguments, count, precision)


if __name__ == "__main__":
    main()
