"""Run a stage on drawn images with a stub for the network; note its seconds, memory and disk.

    python -m benchmarks.drawn_stage STAGE

Reads   drawn.json: number of images, fraction of test images, columns, and whether there are files
Writes  what the stage writes, and a line in stages.jsonl
"""

import json
import os
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import drawn, peak
from benchmarks.drawn import SIDE
from classifier.inference import base, engine
from classifier.inference.base import BaseInfo

SETTINGS, LOG = Path("drawn.json"), Path("stages.jsonl")
settings: dict[str, Any] = {}


class Network:
    """The stub of the network."""

    concurrency = 2
    max_batch_size = 8

    def __init__(self, folder: Path, threads: int = 0) -> None: ...

    def features(self, pixels: np.ndarray) -> np.ndarray:
        """Returns the features of images."""
        return drawn.features(pixels[:, 0].reshape(len(pixels), -1), settings["columns"])


class Cache:
    """A cache that computes all it is asked for."""

    writable, contended, damaged, path = True, False, 0, Path("none")

    def __init__(self, folder: Path, fingerprint: str, shape: Any, dtype: str, note: str) -> None:
        self.shape, self.dtype = tuple(shape), np.dtype(dtype)
        self.meta = {"fingerprint": fingerprint}

    def has(self, keys: Any) -> set[bytes]:
        """Returns all keys."""
        return set(keys)

    def get(self, keys: Any) -> dict[bytes, np.ndarray]:
        """Returns the features of images by their hashes, with which the keys begin."""
        keys = list(keys)
        codes = np.array([np.frombuffer(key[:32], np.uint8) for key in keys])
        return dict(zip(keys, drawn.features(codes, settings["columns"]), strict=True))

    def close(self) -> None:
        """Does nothing."""


class Index:
    """An index that knows all files."""

    def __init__(self, folder: Path) -> None: ...

    def hashes(self, paths: dict[Path, str], *others: Any) -> dict[Path, str]:
        """Returns the hashes that are expected."""
        return paths

    def close(self) -> None:
        """Does nothing."""


def freeze() -> None:
    """Describes a network for the stub to replace."""
    columns = (settings["columns"],)
    info = BaseInfo(
        ("mixed10",), "avg", SIDE, SIDE, columns, columns, "float32", "openvino", "float32",
        "imagenet",
    )  # fmt: skip
    base.FOLDER.mkdir(parents=True, exist_ok=True)
    base.write_info(base.FOLDER, info)


def fetch() -> None:
    """Pretends to have weights."""
    Path("models/pretrained.h5").touch()


def without_files() -> None:
    """Replaces what reads files of images."""
    from classifier.cache import features, files
    from classifier.html import thumbnails
    from classifier.images.decode import DecodedImage

    pixels = np.zeros((SIDE, SIDE, 3), np.uint8)
    features.FeatureCache, files.FileIndex = Cache, Index  # type: ignore[misc,assignment]
    thumbnails.read = lambda *_: DecodedImage(pixels, SIDE, SIDE, "PNG")


def run(name: str) -> None:
    """Runs a stage."""
    engine.load = Network  # type: ignore[assignment]
    if own := {"fetch": fetch, "freeze": freeze}.get(name):
        own()
        return
    if not settings["files"]:
        if name == "validate":
            drawn.write_tables(settings["count"], settings["test"])
            return
        without_files()
    single = Path("stages", f"{name}.py").exists()
    import_module(f"stages.{name}" if single else f"stages.{name}.stage").main()


def main() -> None:
    """Runs the stage and notes what it took."""
    started, (name,) = time.perf_counter(), sys.argv[1:]
    settings.update(json.loads(SETTINGS.read_text(encoding="utf-8")))
    run(name)
    seconds = time.perf_counter() - started
    line = {"stage": name, "seconds": seconds, "peak_mib": peak.mebibytes()}
    with LOG.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + os.linesep)


if __name__ == "__main__":
    main()
