"""What runs in the processes of a Ray cluster: decode images, and compute features on one core."""

import platform
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from classifier.cache import fingerprint
from classifier.common import parallel
from classifier.common.errors import StageError
from classifier.images.augmentation import View
from classifier.images.decode import Pixels
from classifier.inference import base, engine
from classifier.inference.engine import Engine
from stages.extract.forward import Decode
from stages.extract.images import ChangedError

CPU_INFO = Path("/proc/cpuinfo")  # of Linux
VECTOR_FLAGS = ("sse", "ssse", "avx", "amx", "fma", "f16c", "asimd", "sve", "sme", "i8mm", "bf16")


class Identity(NamedTuple):
    """What the bits of a feature depend on besides the image, on one machine."""

    libraries: str  # that decode and compute, with their versions
    fingerprint: str  # as in the cache
    instructions: str  # of the processor


@dataclass(frozen=True)
class Work:
    """What all tasks of a run share."""

    network: dict[str, np.ndarray]  # bytes of the files of models/base, by name
    decode: Decode
    identity: Identity  # of the machine that keeps the cache


@dataclass(frozen=True)
class Answer:
    """What a task returns."""

    keys: list[bytes]  # of N views
    features: np.ndarray  # (N, *feature_shape)
    unread: list[int]  # positions of the images whose file is not on this machine


_engines: dict[Identity, Engine] = {}  # of this process: at most one


def identity(folder: Path) -> Identity:
    """Returns the identity of this machine with the network in the folder."""
    runtime = engine.runtime(base.read_info(folder).engine)
    return Identity(
        f"{fingerprint.of_pixels()}, {runtime}",
        fingerprint.of_features(base.files_hash(folder), runtime),
        instructions(CPU_INFO),
    )


def instructions(cpu_info: Path) -> str:
    """Returns the processor's kind and its vector instructions: OpenVINO chooses its code by them.

    Args:
        cpu_info: Linux's list of the processor's features.
    """
    try:
        flags = re.search(r"^(?:flags|Features)\s*:(.*)", cpu_info.read_text("utf-8"), re.M)
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    names = flags[1].split() if flags else []
    return " ".join([platform.machine(), *sorted(n for n in names if n.startswith(VECTOR_FLAGS))])


def compute(work: Work, images: list[tuple[list[View], bytes | None]]) -> Answer:
    """Returns the features of the views of some images.

    Args:
        work: what all tasks share.
        images: views of one image each, and the content of its file; None: read the file.

    Raises:
        StageError: this machine would compute other features, or an image cannot be decoded.
    """
    network = _engines.get(work.identity) or _load(work)
    keys, features, unread = list[bytes](), list[np.ndarray](), list[int]()

    def decoded() -> Iterator[tuple[bytes, Pixels]]:
        for position, (views, content) in enumerate(images):
            try:
                pixels = work.decode(views, content)
            except ChangedError:
                if content is not None:
                    raise
                unread.append(position)
            else:
                yield from zip((view.key for view in views), pixels, strict=True)

    for batch in parallel.batched(decoded(), network.max_batch_size):
        keys += [key for key, _ in batch]
        features.append(network.features(np.stack([pixels for _, pixels in batch])))
    return Answer(keys, np.concatenate(features) if features else np.empty(0), unread)


def _load(work: Work) -> Engine:
    """Returns the network, ready to run on one core, if this machine is like the other."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        for file, content in work.network.items():
            content.tofile(folder / file)
        own = identity(folder)
        if own != work.identity:
            raise StageError(_difference(own, work.identity))
        _engines.clear()  # of another run
        _engines[own] = engine.load(folder, threads=1)
    return _engines[own]


def _difference(own: Identity, expected: Identity) -> str:
    """Returns why this machine must not take part."""
    if own.libraries != expected.libraries:
        rule = f"must have the libraries of the machine that runs `dvc repro`, {expected.libraries}"
        return f"{rule}; got {own.libraries}: install requirements.txt there"
    if own.fingerprint != expected.fingerprint:
        rule = f"must compute features of fingerprint {expected.fingerprint[:16]}"
        return f"{rule}; got {own.fingerprint[:16]}: its network or its code is another one"
    lacks = sorted(set(expected.instructions.split()) - set(own.instructions.split()))
    more = sorted(set(own.instructions.split()) - set(expected.instructions.split()))
    found = [f"without {' '.join(lacks)}"] * bool(lacks) + [f"with {' '.join(more)}"] * bool(more)
    return (
        "must have the processor of the machine that runs `dvc repro`, because the last bits of "
        f"features depend on it; got one {' and '.join(found)}: take the machine out of the "
        "cluster, or run `dvc repro` on one like it"
    )
