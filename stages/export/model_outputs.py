"""What the pipeline and the exported models return for single images, computed once.

It depends on the image, the files of the model and the libraries. So it is kept in the cache, and
an export that only has other scores in its model card compiles no network.
"""

import hashlib
import io
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np

from classifier.cache import fingerprint
from classifier.cache.results import ResultCache, Task
from classifier.common import objects
from classifier.common.errors import StageError
from classifier.head import Head
from classifier.images import conversion
from classifier.images.decode import decode_image
from classifier.inference import base, engine
from classifier.inference.base import BaseInfo
from stages.export import read_image
from stages.export.models import ExportFormat

RUNTIMES = ("openvino", "tensorflow", "keras", "onnxruntime")
MAX_PIXELS = 20_000_000  # of an image: models take much memory to resize larger ones

Compute = Callable[[bytes], bytes]  # from the file of an image to a result


class Output(NamedTuple):
    """What an exported model returns for an image: float64 (C,), and the seconds it took."""

    probabilities: np.ndarray
    seconds: float


@dataclass(frozen=True)
class Reader:
    """`read_image` with the settings of a classifier."""

    size: tuple[int, int]  # width, height
    ranges: Mapping[str, tuple[float, float]]  # black and white of deep images

    def pixels(self, content: bytes, resize: bool) -> np.ndarray | None:
        """Returns the pixels of an image, (1, H, W, 3), or None if it is odd or very large."""
        try:
            pixels = read_image.read_image(io.BytesIO(content), self.size, resize, **self.ranges)
        except (OSError, SyntaxError, ValueError):  # as Pillow raises them
            return None
        return pixels[None] if pixels.size <= 3 * MAX_PIXELS else None


def hashes(paths: Iterable[str]) -> dict[str, str]:
    """Returns the SHA-256 of each image, in hexadecimal."""
    return {path: hashlib.sha256(_content(path)).hexdigest() for path in paths}


def of_pipeline(
    images: Mapping[str, str], folder: Path, head: Head, info: BaseInfo, cache: ResultCache
) -> np.ndarray:
    """Returns the class probabilities of images in the pipeline, float64 (n, C), one view each.

    Args:
        images: n paths, with their hashes.
        folder: models/base.
        head: whose probabilities these are.
        info: what is in the folder.
        cache: has the features of images that were computed before.
    """
    ranges = conversion.ranges(head.info.grey_ranges)
    size = info.image_height, info.image_width

    def load() -> Compute:
        network = engine.load(folder)

        def compute(content: bytes) -> bytes:
            image = decode_image(content, *size, ranges=ranges)
            return network.features(image.pixels[None]).astype(info.dtype).tobytes()

        return compute

    frozen = fingerprint.of_features(base.files_hash(folder), engine.runtime(info.engine))
    found = _of_images(images, f"features {frozen}\n{head.info.grey_ranges}", load, cache)
    rows = [np.frombuffer(found[path], info.dtype).reshape(info.feature_shape) for path in images]
    if not rows:
        return np.empty((0, len(head.info.class_names)))
    return head.probabilities(np.stack(rows))


def of_export(
    one: ExportFormat, folder: Path, images: Mapping[str, str], reader: Reader, cache: ResultCache
) -> dict[str, Output]:
    """Returns what an exported model returns in its own runtime, one image at a time.

    Images that it cannot take are left out, and all if the runtime is not installed.

    Args:
        one: its format.
        folder: of all exports.
        images: paths with their hashes.
        reader: reads them.
        cache: has the outputs of the same files for the same images.
    """
    if not images or (one.runtime and find_spec(one.runtime) is None):
        return {}

    def load() -> Compute:
        run, runs = one.load(folder / one.path), 0

        def compute(content: bytes) -> bytes:
            nonlocal runs
            if (pixels := reader.pixels(content, not one.resizes)) is None:
                return b""
            if not runs:
                run(pixels)  # the first call also initialises the model
            runs, started = runs + 1, time.perf_counter()
            probabilities = run(pixels)["probabilities"][0]
            return np.array([time.perf_counter() - started, *probabilities], "<f8").tobytes()

        return compute

    runtimes = dict.fromkeys((*RUNTIMES, one.runtime or RUNTIMES[0]))
    versions = [f"{name} {_version(name)}" for name in runtimes]
    code = [*own_files(one, folder), Path(read_image.__file__)]
    recipe = [f"export {one.name}", files_hash(code), str(reader), fingerprint.of_pixels()]
    found = _of_images(images, "\n".join([*recipe, *versions]), load, cache)
    values = {path: np.frombuffer(data, "<f8") for path, data in found.items() if data}
    return {path: Output(array[1:], float(array[0])) for path, array in values.items()}


def own_files(one: ExportFormat, folder: Path) -> list[Path]:
    """Returns the files of an export."""
    path = folder / one.path
    if path.parent == folder and path.is_file():
        return [path]
    place = path if path.parent == folder else path.parent
    return sorted(file for file in place.rglob("*") if file.is_file())


def files_hash(paths: Iterable[Path]) -> str:
    """Returns a SHA-256 of the names and the contents of files, in hexadecimal."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path.name}\n".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _version(package: str) -> str:
    with suppress(PackageNotFoundError):
        return engine.version(package)
    return ""


def _of_images(
    images: Mapping[str, str], recipe: str, load: Callable[[], Compute], cache: ResultCache
) -> dict[str, bytes]:
    """Returns the result for each image.

    Args:
        images: paths with their hashes.
        recipe: identifies the way from the bytes of an image to its result.
        load: returns the function that computes results; called if one is not known.
        cache: of results.
    """
    tasks = {path: Task((sha256,), recipe) for path, sha256 in images.items()}
    known = cache.get(tasks.values())
    if missing := [path for path, task in tasks.items() if task not in known]:
        compute = load()
        new = {tasks[path]: compute(_content(path, images[path])) for path in missing}
        cache.put(new)
        known |= new
    return {path: known[task] for path, task in tasks.items()}


def _content(path: str, sha256: str = "") -> bytes:
    try:
        with objects.opened(Path(path), sha256) as file:
            return file.read()
    except OSError as error:
        raise StageError(objects.changed(path, error)) from None
