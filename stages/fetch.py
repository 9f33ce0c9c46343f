"""Obtain the weights of InceptionV3: ImageNet's, those of a local file, or random ones.

Reads   the network, or Keras's own download folder, or a local .h5 file
Writes  models/pretrained.h5
"""

import os
import shutil
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

import h5py
import numpy as np

from classifier.backbone import pretrained
from classifier.common import files, params, progress
from classifier.common.errors import StageError, run_main

TIMEOUT = 20  # seconds without a byte
CHUNK = 1 << 20  # bytes


@dataclass(frozen=True)
class Params:
    """Section `fetch` of params.yaml."""

    weights: str  # imagenet, random, or the path of a .h5 file
    seed: int  # of random weights

    def __post_init__(self) -> None:
        known = self.weights in ("imagenet", "random") or self.weights.endswith(".h5")
        rule = "imagenet, random or the path of a .h5 file"
        params.require(known, "fetch.weights", rule, self.weights)
        own = Path(self.weights) != pretrained.PATH  # DVC removes it before it runs the stage
        rule = f"a file of yours elsewhere than the output {pretrained.PATH.as_posix()}"
        params.require(own, "fetch.weights", rule, self.weights)
        params.require(0 <= self.seed < 2**32, "fetch.seed", "0 to 4294967295", self.seed)


def keras_folder() -> Path:
    """Returns where Keras itself keeps downloaded weights."""
    home = os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras")  # noqa: PTH111 never fails
    return Path(home) / "models"


def remedy(place: Path) -> str:
    """Returns what helps where the download does not."""
    return (
        f"Put {pretrained.FILE} (md5 {pretrained.MD5}) at {place}, or set fetch.weights in "
        "params.yaml to a local .h5 file, or to random to try things out"
    )


def imagenet(place: Path, url: str = pretrained.URL, md5: str = pretrained.MD5) -> Path:
    """Returns the official file at `place`, downloaded unless it is there already.

    Raises:
        StageError: no network, a download that broke off, a wrong hash or a full disk; `place`
            is then as it was.
    """
    if place.is_file():
        _check(place, md5, place, f"delete {place} to have it downloaded again")
        return place
    try:
        with files.atomic_write(place) as part:
            _download(url, part)
            _check(part, md5, place, "run again")
    except (HTTPException, OSError) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        reason = getattr(error, "reason", None) or error
        raise StageError(
            f"no ImageNet weights: download failed ({reason}). {remedy(place)}"
        ) from None
    return place


def _download(url: str, part: Path) -> None:
    with urllib.request.urlopen(url, timeout=TIMEOUT) as answer, part.open("wb") as file:
        total, got = int(answer.headers.get("Content-Length") or 0), 0
        with progress.bar(f"fetch: {pretrained.FILE}", total, "B") as bar:
            while chunk := answer.read(CHUNK):
                got += file.write(chunk)
                bar.update(len(chunk))
    if got < total:
        raise OSError(f"it broke off after {got:,} of {total:,} bytes")


def _check(path: Path, md5: str, place: Path, first: str) -> None:
    if (got := pretrained.digest(path, "md5")) != md5:
        raise StageError(
            f"no ImageNet weights: md5 must be {md5}; got {got}: {first}. {remedy(place)}"
        )


def local(path: Path) -> Path:
    """Returns `path` if it is an HDF5 file.

    Raises:
        StageError: it is none.
    """
    if not path.is_file():
        raise StageError(f"params.yaml: fetch.weights must be a .h5 file that exists; got {path}")
    if not h5py.is_hdf5(path):
        raise StageError(f"{path}: must be an HDF5 file; give InceptionV3's weights without top")
    return path


def write_random(path: Path, seed: int) -> None:
    """Writes normal kernels and batch norms that change next to nothing, marked as random.

    Each kernel's mean over its inputs is taken out, or what all images have in common would
    drown their differences within a few layers; its variance of 2 / (1 - 1/pi) / fan-in then keeps
    the scale of the activations through the 94 rectified convolutions (Brock et al. 2021,
    arXiv:2101.08692, section 4.3).
    """
    from classifier.inference.keras_backend import keras

    keras.backend.clear_session()  # the layers are numbered from the first again
    model = keras.applications.InceptionV3(include_top=False, weights=None)
    files.require_space(path, 5 * model.count_params())  # 4 bytes each, and HDF5's own
    rng = np.random.default_rng(seed)
    with h5py.File(path, "w") as file:
        file.attrs[pretrained.MARK] = "random"
        file.attrs["layer_names"] = [layer.name for layer in model.layers]
        for layer in model.layers:
            group = file.create_group(layer.name)
            group.attrs["weight_names"] = [f"{layer.name}/{w.name}" for w in layer.weights]
            for weight in layer.weights:
                group[f"{layer.name}/{weight.name}"] = _random(weight.name, weight.shape, rng)


def _random(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    if name == "kernel":
        kernel = rng.standard_normal(shape)  # (kh, kw, in, out)
        kernel -= kernel.mean(axis=(0, 1, 2))
        gain = 2 / (1 - 1 / np.pi)
        return (kernel * np.sqrt(gain / np.prod(shape[:-1]))).astype(np.float32)
    return np.full(shape, 1 if name == "moving_variance" else 0, np.float32)


def main(out: Path = pretrained.PATH) -> None:
    """Fetches the weights that params.yaml asks for."""
    settings = params.load("fetch", Params)
    source = settings.weights
    with files.atomic_write(out) as part:
        if source == "random":
            write_random(part, settings.seed)
        elif source == "imagenet":
            shutil.copyfile(imagenet(keras_folder() / pretrained.FILE), part)
        else:
            shutil.copyfile(local(Path(source)), part)
    warned = " (untrained: for trying things out only)" if source == "random" else ""
    print(f"fetch: {out.stat().st_size:,} bytes, {source} weights{warned} -> {out.as_posix()}")


if __name__ == "__main__":
    run_main(main)
