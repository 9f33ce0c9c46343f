"""`classify` over many files: a run that is killed and resumed, a second one, and `extract`.

    python -m benchmarks.classify --project DIR --images DIR [--copies 1] [--parts 4]

DIR is a project after `dvc repro`, --images any folder. --copies makes as many files of each image,
which differ in their last bytes. Caches are temporary. `extract` is what that stage does with the
same files: decode, network, cache. It and the first run take turns, one part of the files each.
Seconds of `classify` include about 1 s of start-up, in the first run once for each part.
"""

import argparse
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from classifier.cache.features import FeatureCache
from classifier.cache.fingerprint import of_features
from classifier.dataset.manifest import ImageRow
from classifier.images.augmentation import View, view_key
from classifier.images.decode import decode_image
from classifier.inference import base, engine
from stages.extract.forward import FeatureExtractor
from stages.extract.threads import Threads

WHOSE = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)


def copies(images: Path, folder: Path, number: int) -> list[Path]:
    """Returns copies of all files below a folder, settled for the index of files."""
    paths = []
    for place, image in enumerate(sorted(path for path in images.rglob("*.jpg"))):
        data = image.read_bytes()
        for copy in range(number):
            path = folder / f"{copy}_{place:06}.jpg"
            path.write_bytes(data + bytes(copy))  # decoders ignore what follows the image
            os.utime(path, (1e9, 1e9))
            paths.append(path)
    return paths


class Extract:
    """What stage `extract` does with files, in the working directory."""

    def __init__(self, folder: Path) -> None:
        info = base.read_info(base.FOLDER)
        size = info.image_height, info.image_width
        identity = of_features(base.files_hash(base.FOLDER), engine.runtime(info.engine))
        self._cache = FeatureCache(folder, identity, info.feature_shape, info.dtype, "")
        pool = Threads(
            base.FOLDER,
            identity,
            lambda some: [decode_image(Path(some[0].row.path).read_bytes(), *size).pixels],
            batch_size=32,
            threads=0,
        )
        self._extractor = FeatureExtractor(pool, self._cache, lambda _: None)
        self._done = 0

    def run(self, paths: list[Path]) -> None:
        rows = [
            ImageRow(str(path), "test", "", f"{self._done + place:064x}", 1, 1, "JPEG")
            for place, path in enumerate(paths)
        ]
        self._done += len(paths)
        views = [View(row, 0, view_key(row.sha256)) for row in rows]
        self._extractor.compute_missing(views, len(views))

    def close(self) -> None:
        self._cache.close()


def cpu_seconds() -> float:
    """Returns those of this process and of the ended ones that it has started."""
    return sum(sum(resource.getrusage(who)[:2]) for who in WHOSE)


def classify(paths: list[Path], folder: Path, cache: str, kill_after: float = 0) -> str:
    """Runs `classify`, which may be killed on the way; returns its last line."""
    (folder / "list").write_text("".join(f"{path}\n" for path in paths))
    command = [sys.executable, "-m", "classifier", "classify", "--from-file", f"{folder}/list"]
    command += ["--jsonl", f"{folder}/out.jsonl", "--force", "--cache", f"{folder}/{cache}"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        if kill_after:
            time.sleep(kill_after)
            process.send_signal(signal.SIGKILL)
        _, errors = process.communicate()
    return (errors.splitlines() or ["killed"])[-1]


def row(name: str, runs: list[tuple[float, float]], images: int, line: str = "") -> None:
    wall, cpu = (sum(column) for column in zip(*runs, strict=True))
    cells = f"{wall:.1f} | {images / wall:.1f} | {1000 * cpu / images:.2f}"
    print(f"| {name} | {cells} | {line} |", flush=True)


def measure(paths: list[Path], folder: Path, parts: int) -> None:
    print("| run | seconds | images/s | CPU ms per image | output |\n|---|---|---|---|---|")

    def timed(function: Callable[[], Any]) -> tuple[float, float]:
        started, before = time.perf_counter(), cpu_seconds()
        lines.append(function())
        return time.perf_counter() - started, cpu_seconds() - before

    lines: list[str] = []
    size = -(-len(paths) // parts)
    chunks = [paths[start : start + size] for start in range(0, len(paths), size)]
    extract, runs = Extract(folder / "extract"), []
    extract.run(paths[:50])
    for chunk in chunks:
        of_extract = timed(partial(extract.run, chunk))
        runs.append((of_extract, timed(partial(classify, chunk, folder, "a"))))
    extract.close()
    row("extract", [one for one, _ in runs], len(paths))
    row("first run", [two for _, two in runs], len(paths), lines[-1])
    ratios = (statistics.median(one[k] / two[k] for one, two in runs) for k in (0, 1))
    print("| ratio of the rates | | {:.2f} | {:.2f} | |".format(*ratios), flush=True)
    kill_after = sum(two[0] for _, two in runs) / 2
    for name, cache, kill in (
        ("second run", "a", 0.0),
        ("killed", "b", kill_after),
        ("resumed", "b", 0.0),
    ):
        row(name, [timed(partial(classify, paths, folder, cache, kill))], len(paths), lines[-1])


def main() -> None:
    """Measures `classify` in a project."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--project", type=Path, required=True)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--copies", type=int, default=1)
    parser.add_argument("--parts", type=int, default=4)
    args = parser.parse_args()
    images = args.images.resolve()
    os.chdir(args.project)
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[1])
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "images").mkdir()
        paths = copies(images, Path(folder, "images"), args.copies)
        print(f"{len(paths):,} files\n")
        measure(paths, Path(folder), args.parts)


if __name__ == "__main__":
    main()
