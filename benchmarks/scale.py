"""Time and peak memory of `validate`, `extract` and the cache with up to a million images.

    python -m benchmarks.scale [--count 10000 100000 1000000] [--work DIR]

A stub replaces the network, so that everything else is measured: small images, all different, are
read and decoded, and 2,048 numbers for each are written to the cache and to
results/features_train.npz. A million images need 25 GB below DIR. Peak memory is that of the whole
process, as the operating system reports it.
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
HEADING = "| event | command | s | peak MiB | output |\n|---|---|---|---|---|"
PER_FOLDER = 10_000  # files
COMMAND = """
import sys
from importlib import import_module
import numpy as np
from classifier.inference import engine

class Stub:
    concurrency = 2
    max_batch_size = 8
    def __init__(self, folder, threads):
        pass
    def features(self, pixels):
        return np.tile(pixels.reshape(len(pixels), -1), (1, 11))[:, :2048].astype(np.float32)

engine.load = Stub
import_module(sys.argv.pop(1)).main()
"""
MODULES = {
    "validate": ("stages.validate.stage",),
    "extract": ("stages.extract.stage",),
    "cache info": ("classifier.commands.cache", "info"),
}


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
        path = folder / "input" / "train" / name / str(number // PER_FOLDER) / f"{number}.png"
        if number % PER_FOLDER < 2 or number < first + 2:
            path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(number))


def prepare(folder: Path, count: int) -> None:
    """Copies the pipeline, describes a network for the stub to replace, and draws the images."""
    for code in ("classifier", "stages"):
        shutil.copytree(ROOT / code, folder / code)
    shutil.copy(ROOT / "params.yaml", folder)
    (folder / base.FOLDER).mkdir(parents=True)
    sizes = ((2048,), (2048,))  # of the layers, of an image's features
    info = BaseInfo(("mixed10",), "avg", 8, 8, *sizes, "float32", "openvino", "float32", "random")
    base.write_info(folder / base.FOLDER, info)
    draw(folder, 0, count)


def measure(folder: Path, event: str, name: str) -> dict[str, object]:
    """Runs a command; prints and returns its row of the table."""
    started = time.perf_counter()
    command = [sys.executable, "-c", COMMAND + peak.CODE, *MODULES[name]]
    done = subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, text=True)
    seconds = time.perf_counter() - started
    *_, output, peak_mib = done.stdout.splitlines()
    print(f"| {event} | {name} | {seconds:.1f} | {float(peak_mib):.0f} | {output} |", flush=True)
    return {"event": event, "command": name, "seconds": seconds, "peak_mib": float(peak_mib)}


def run(folder: Path, count: int) -> list[dict[str, object]]:
    """Measures all events with `count` images."""
    prepare(folder, count)
    time.sleep(3)  # or the files count as changed just now
    rows = []
    for event in ("first run", "nothing new", "outputs deleted", "100 more"):
        if event == "outputs deleted":
            shutil.rmtree(folder / "results")
        if event == "100 more":
            draw(folder, count, 100)
        rows += [measure(folder, event, stage) for stage in ("validate", "extract")]
    rows.append(measure(folder, event, "cache info"))
    return [{"images": count, **row} for row in rows]


def main() -> None:
    """Measures each number of images."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument(
        "--work", type=Path, help="folder for the images; default: the temporary folder"
    )
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    rows = []
    for count in args.count:
        print(f"\n{count:,} images\n\n{HEADING}")
        with tempfile.TemporaryDirectory(dir=args.work) as name:
            rows += run(Path(name), count)
    if args.json:
        args.json.write_text(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
