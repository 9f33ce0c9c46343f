"""`classify` over many files: a run that is killed and resumed, a second one, and `extract`.

    python -m benchmarks.classify --project DIR --images DIR [--copies 1]

DIR is a project after `dvc repro`, --images any folder. --copies makes as many files of each image,
which differ in their last bytes. Caches are temporary. `extract` is what that stage does with the
same files: decode, network, cache; seconds of `classify` include 1 s of start-up.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from classifier.cache.features import FeatureCache
from classifier.cache.fingerprint import of_features
from classifier.dataset.manifest import ImageRow
from classifier.images.augmentation import View, view_key
from classifier.images.decode import decode_image
from classifier.inference import base, engine
from stages.extract.forward import FeatureExtractor

Command = list[str]


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


def extract(paths: list[Path]) -> float:
    """Returns the images per second of what stage `extract` does, in the working directory."""
    info = base.read_info(base.FOLDER)
    size = info.image_height, info.image_width
    identity = of_features(base.files_hash(base.FOLDER), engine.runtime(info.engine))
    with tempfile.TemporaryDirectory() as folder:
        cache = FeatureCache(Path(folder), identity, info.feature_shape, info.dtype, "")
        views = []
        for number, path in enumerate(paths):
            row = ImageRow(str(path), "test", "", f"{number:064x}", 1, 1, "JPEG")
            views.append(View(row, 0, view_key(row.sha256)))
        with closing(cache):
            extractor = FeatureExtractor(
                base.FOLDER,
                cache,
                lambda some: [decode_image(Path(some[0].row.path).read_bytes(), *size).pixels],
                32,
                0,
                lambda _: None,
            )
            extractor.compute_missing(views[:100], 100)
            started = time.perf_counter()
            extractor.compute_missing(views[100:], len(views) - 100)
            return (len(views) - 100) / (time.perf_counter() - started)


def timed(command: Command, kill_after: float = 0) -> tuple[float, str]:
    """Returns the seconds a command takes, and its last line; it may be killed on the way."""
    started = time.perf_counter()
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        if kill_after:
            time.sleep(kill_after)
            process.send_signal(signal.SIGKILL)
        _, errors = process.communicate()
    return time.perf_counter() - started, (errors.splitlines() or ["killed"])[-1]


def measure(paths: list[Path], folder: Path) -> None:
    rate = extract(paths)
    print(f"| extract | {len(paths) / rate:.1f} | {rate:.1f} | |", flush=True)
    (folder / "list").write_text("".join(f"{path}\n" for path in paths))
    command = [sys.executable, "-m", "classifier", "classify", "--from-file", f"{folder}/list"]
    command += ["--jsonl", f"{folder}/out.jsonl"]
    runs = {
        "first run": ["--cache", f"{folder}/a"],
        "second run": ["--cache", f"{folder}/a"],
        "killed": ["--cache", f"{folder}/b"],
        "resumed": ["--cache", f"{folder}/b"],
    }
    for name, options in runs.items():
        kill = len(paths) / rate / 2 if name == "killed" else 0
        seconds, line = timed(command + options, kill)
        print(f"| {name} | {seconds:.1f} | {len(paths) / seconds:.1f} | {line} |", flush=True)


def main() -> None:
    """Measures `classify` in a project."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--project", type=Path, required=True)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--copies", type=int, default=1)
    args = parser.parse_args()
    images = args.images.resolve()
    os.chdir(args.project)
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[1])
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "images").mkdir()
        paths = copies(images, Path(folder, "images"), args.copies)
        print(f"{len(paths):,} files\n\n| run | seconds | images/s | output |\n|---|---|---|---|")
        measure(paths, Path(folder))


if __name__ == "__main__":
    main()
