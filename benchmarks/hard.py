"""What becomes of hard files, as a table, and where plain Pillow judges otherwise.

    python -m benchmarks.hard DIR [DIR ...] [--differences]

Each DIR is a source; its files, at any depth, go one by one through the worker processes of
`validate`, with the limits of params.yaml. Plain Pillow is `Image.open(file).convert("RGB")` with
all its formats and no limit of pixels, in a process of its own for each source.
"""

import argparse
import os
import resource
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path

from classifier.common import params
from classifier.images.decode_pool import DecodePool
from stages.validate import file_check
from stages.validate.params import Params

HEADING = (
    "| source | files | used | skipped, by code | crashes | hangs | longest file, s | "
    "peak MB of a worker |\n" + "|---" * 8 + "|"
)


def plain(path: Path) -> str:
    """Returns how plain Pillow fares: the format it reads, or nothing."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None
    try:
        with Image.open(path) as image:
            image.convert("RGB")
            return image.format or ""
    except Exception:
        return ""


def plainly(paths: list[Path]) -> list[str]:
    """Returns what `plain` does for each file, by a process that may crash and is then replaced."""
    found: list[str] = []
    while len(found) < len(paths):
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            try:
                found += (pool.submit(plain, path).result() for path in paths[len(found) :])
            except BrokenProcessPool:
                found.append("")
    return found


def measure(source: Path, settings: Params) -> tuple[str, list[tuple[Path, str, str]]]:
    """Returns the row of a source, and path, verdict and detail of each file."""
    paths = sorted(path for path in source.rglob("*") if not path.is_dir())
    said, longest = [], 0.0
    with closing(DecodePool(settings.pixels)) as workers:
        file_check.check_files(paths[:1], workers, settings)
        for path in paths:
            started = time.perf_counter()
            _, verdict = file_check.check_files([path], workers, settings)[path]
            longest = max(longest, time.perf_counter() - started)
            said.append((path, verdict.problem, verdict.detail or verdict.format))
    codes = Counter(code for _, code, _ in said if code)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    skipped = ", ".join(f"{code} {count}" for code, count in sorted(codes.items())) or "-"
    used = len(said) - codes.total()
    counts = f"{codes['crashed']} | {codes['too_slow']} | {longest:.2f} | {peak:.0f}"
    return f"| {source.name} | {len(said)} | {used} | {skipped} | {counts} |", said


def main() -> None:
    """Measures every source."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument(
        "--differences", action="store_true", help="from plain Pillow, file by file"
    )
    arguments = parser.parse_args()
    settings = params.load("validate", Params)
    print(HEADING)
    found = []
    for folder in arguments.folders:
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:  # whose children are measured
            row, said = pool.submit(measure, folder, settings).result()
        found += said
        print(row, flush=True)
    if arguments.differences:
        print("\n| file | here | plain Pillow |\n|---|---|---|")
        others = plainly([path for path, _, _ in found])
        for (path, code, detail), other in zip(found, others, strict=True):
            if bool(code) == bool(other):
                here = f"{code}: {detail}" if code else f"used ({detail})"
                print(
                    f"| {path.parent.name}/{path.name} | {here} | {other or 'fails'} |", flush=True
                )


if __name__ == "__main__":
    main()
