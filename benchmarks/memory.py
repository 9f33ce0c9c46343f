"""Peak memory and speed of `extract` at several numbers of pictures.

    python -m benchmarks.memory --weights FILE.h5 --pictures DIR [--count 1000 10000]

DIR holds train/<class>/*; its files are taken again and again under other names until there are
as many as asked. Peak memory is the operating system's of the whole process.
"""

import argparse
import itertools
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import peak
from benchmarks.pipeline import prepare

CODE = "from stages import extract; extract.main()" + peak.CODE


def repeated(pictures: Path, folder: Path, count: int) -> Path:
    """Returns a folder with `count` links to the training pictures of another."""
    sources = sorted(path for path in (pictures / "train").rglob("*") if path.is_file())
    for number, source in enumerate(itertools.islice(itertools.cycle(sources), count)):
        link = folder / "train" / source.parent.name / f"{number}{source.suffix}"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(source.resolve())
    return folder


def measure(pictures: Path, weights: Path, count: int) -> None:
    """Measures `extract` at one number of pictures and prints what came out."""
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        folder = Path(first)
        prepare(folder, repeated(pictures, Path(second), count), {"fetch.weights": str(weights)})
        for stage in ("validate", "fetch", "freeze"):
            command = [sys.executable, "-m", f"stages.{stage}"]
            subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        started = time.perf_counter()
        command = [sys.executable, "-c", CODE]
        done = subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, text=True)
        seconds = time.perf_counter() - started
        most = float(done.stdout.splitlines()[-1])
        size = (folder / "results" / "train.npz").stat().st_size / 1024**2
        print(
            f"{count:,} pictures: peak {most:,.0f} MiB, output {size:,.1f} MiB, {seconds:.1f} s, "
            f"{count / seconds:.1f} pictures/s",
            flush=True,
        )


def main() -> None:
    """Measures every number of pictures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--count", type=int, nargs="+", default=[1000, 10_000])
    arguments = parser.parse_args()
    for count in arguments.count:
        measure(arguments.pictures.resolve(), arguments.weights.resolve(), count)


if __name__ == "__main__":
    main()
