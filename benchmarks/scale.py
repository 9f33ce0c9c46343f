"""Time and peak memory of `validate`, `extract` and the image store at a million images.

    python -m benchmarks.scale [--count 10000 100000 1000000] [--work DIR]

A stub stands in for the network, so that what is measured is all the rest: tiny images, each
different, are really read and decoded, and really have 2,048 numbers each in the store and in
results/features_train.npz. A million of them need 25 GB below DIR. Peak memory is the operating system's of
the whole process.
"""

import argparse
import json
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

from benchmarks import peak
from benchmarks.pipeline import ROOT
from classifier.inference import base
from classifier.inference.base import BaseInfo

CLASSES = ("even", "odd")
HEADING = "| event | stage | s | peak MB | it says |\n|---|---|---|---|---|"
FOLDER = 10_000  # files in one
STAGE = """
import sys
import numpy as np
from stages import forward

class Stub:
    requests = 2
    enough = 8
    def __init__(self, folder, threads):
        pass
    def features(self, pixels):
        return np.tile(pixels.reshape(len(pixels), -1), (1, 11))[:, :2048].astype(np.float32)

forward.engine.load = Stub
name = sys.argv.pop(1)
stage = getattr(__import__("stages." + name), name)
stage.main()
"""


def png(number: int) -> bytes:
    """Returns an image of 8x8 pixels that differs from those of all other numbers."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    row = b"\0" + struct.pack(">Q", number) * 3
    header = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(row * 8, 1)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def draw(folder: Path, first: int, count: int) -> None:
    """Draws images below input/train."""
    for number in range(first, first + count):
        name = CLASSES[number % 2]
        place = folder / "input" / "train" / name / str(number // FOLDER) / f"{number}.png"
        if number % FOLDER < 2 or number < first + 2:
            place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(png(number))


def prepare(folder: Path, count: int) -> None:
    """Makes a pipeline with a base that the stub stands in for, and draws the images."""
    shutil.copytree(ROOT / "stages", folder / "stages")
    shutil.copy(ROOT / "params.yaml", folder)
    (folder / base.FOLDER).mkdir(parents=True)
    about = BaseInfo("mixed10", "avg", 8, 8, (2048,), "float32", "openvino", "float32", "random")
    base.write_info(folder / base.FOLDER, about)
    draw(folder, 0, count)


def measure(folder: Path, event: str, stage: str) -> dict[str, object]:
    """Runs a stage; prints and returns its row of the table."""
    started = time.perf_counter()
    command = [sys.executable, "-c", STAGE + peak.CODE, stage]
    done = subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, text=True)
    seconds = time.perf_counter() - started
    *_, said, most = done.stdout.splitlines()
    print(f"| {event} | {stage} | {seconds:.1f} | {float(most):.0f} | {said} |", flush=True)
    return {"event": event, "stage": stage, "seconds": seconds, "peak_mb": float(most)}


def run(folder: Path, count: int) -> list[dict[str, object]]:
    """Measures all events at one number of images."""
    prepare(folder, count)
    time.sleep(3)  # files are trusted once they are older than the clock's grain
    found = []
    for event in ("first run", "nothing new"):
        found += [measure(folder, event, stage) for stage in ("validate", "extract")]
    shutil.rmtree(folder / "results")
    found.append(measure(folder, "outputs deleted", "validate"))
    found.append(measure(folder, "outputs deleted", "extract"))
    draw(folder, count, 100)
    found += [measure(folder, "100 more", stage) for stage in ("validate", "extract")]
    found.append(measure(folder, "a look into the store", "store"))
    return [{"images": count, **row} for row in found]


def main() -> None:
    """Measures every number of images."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--work", type=Path, help="where the images are made; temporary otherwise")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    found = []
    for count in arguments.count:
        print(f"\n{count:,} images\n\n{HEADING}")
        with tempfile.TemporaryDirectory(dir=arguments.work) as name:
            found += run(Path(name), count)
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
