"""Obtain the weights of InceptionV3: from ImageNet, from a local file, or random ones.

Reads   the network, or Keras's download folder, or a local .h5 file
        (results/params_checked.txt is a dep only to wait for stage `params`)
Writes  models/pretrained.h5
"""

import os
import shutil
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

import numpy as np

from classifier.backbone import pretrained
from classifier.common import files, hdf5, params, progress
from classifier.common.errors import StageError, run_main
from classifier.common.params import Seed

TIMEOUT = 20  # seconds without a byte
CHUNK = 1 << 20  # bytes


@dataclass(frozen=True)
class Params:
    """Section `fetch` of params.yaml."""

    weights: str  # imagenet, random, or the path of a .h5 file
    seed: Seed  # of random weights

    def __post_init__(self) -> None:
        known = self.weights in ("imagenet", "random") or self.weights.endswith(".h5")
        rule = "imagenet, random or the path of a .h5 file"
        params.require(known, "fetch.weights", rule, self.weights)
        input_file = Path(self.weights) != pretrained.PATH  # DVC deletes outputs before a run
        rule = f"a file other than the output {pretrained.PATH.as_posix()}"
        params.require(input_file, "fetch.weights", rule, self.weights)
        found = not self.weights.endswith(".h5") or files.given_file(self.weights).is_file()
        params.require(found, "fetch.weights", "a .h5 file that exists", self.weights)


def keras_folder() -> Path:
    """Returns the folder where Keras stores downloaded weights."""
    home = os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras")  # noqa: PTH111 never fails
    return Path(home) / "models"


def imagenet(place: Path, url: str = pretrained.URL, md5: str = pretrained.MD5) -> Path:
    """Returns the official file at `place`, downloaded unless it is already there.

    After a StageError (no network, wrong hash, full disk) `place` is unchanged.
    """
    if place.is_file():
        _check_md5(place, md5, f"delete {place} to download it again")
        return place
    try:
        with files.atomic_write(place) as part:
            _download(url, part)
            _check_md5(part, md5, f"run again. {_remedy(place)}")
    except (HTTPException, OSError) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        reason = f"download failed ({getattr(error, 'reason', None) or error})"
        raise StageError(f"no ImageNet weights: {reason}. {_remedy(place)}") from None
    return place


def _download(url: str, path: Path) -> None:
    with urllib.request.urlopen(url, timeout=TIMEOUT) as response, path.open("wb") as file:
        total = int(response.headers.get("Content-Length") or 0)
        with progress.bar(f"fetch: {pretrained.FILE}", total, "B") as bar:
            while chunk := response.read(CHUNK):
                file.write(chunk)
                bar.update(len(chunk))
        if file.tell() < total:
            raise OSError(f"connection closed after {file.tell():,} of {total:,} bytes")


def _remedy(place: Path) -> str:
    return (
        f"Download {pretrained.URL} ({pretrained.SIZE / 1e6:.1f} MB, md5 {pretrained.MD5}) "
        f"elsewhere and copy it to {place}, or set fetch.weights in params.yaml to a local .h5 "
        "file, or to random for a smoke test"
    )


def _check_md5(path: Path, expected: str, remedy: str) -> None:
    if (md5 := pretrained.file_hash(path, "md5")) != expected:
        raise StageError(f"no ImageNet weights: md5 must be {expected}; got {md5}: {remedy}")


def _local(path: Path) -> Path:
    import h5py

    if not h5py.is_hdf5(path):
        rule = "must be an HDF5 file; use the weights of InceptionV3 without its classifier"
        raise StageError(f"{path}: {rule}")
    with suppress(OSError):  # a damaged file: `freeze` says so
        hdf5.require_self_contained(path)
    return path


def write_random(path: Path, seed: int) -> None:
    """Writes random kernels and near-identity batch norms, marked as random.

    The mean of each kernel over its inputs is subtracted: otherwise what all images have in
    common drowns their differences within a few layers. A variance of 2 / (1 - 1/pi) / fan-in
    then preserves the scale of the activations through the 94 convolutions with ReLU (Brock et
    al. 2021, arXiv:2101.08692, section 4.3).
    """
    import h5py

    from classifier.inference.keras_backend import keras

    keras.backend.clear_session()  # restarts the numbers in layer names
    model = keras.applications.InceptionV3(include_top=False, weights=None)
    files.require_space(path, 5 * model.count_params())  # 4 bytes each, and HDF5's overhead
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
    if name != "kernel":
        return np.full(shape, name == "moving_variance", np.float32)
    kernel = rng.standard_normal(shape)  # (kh, kw, in, out)
    kernel -= kernel.mean(axis=(0, 1, 2))
    gain = 2 / (1 - 1 / np.pi)
    return (kernel * np.sqrt(gain / np.prod(shape[:-1]))).astype(np.float32)


def main(out: Path = pretrained.PATH) -> None:
    """Fetches the weights chosen in params.yaml."""
    settings = params.load("fetch", Params)
    source = settings.weights
    with files.atomic_write(out) as part:
        if source == "random":
            write_random(part, settings.seed)
        elif source == "imagenet":
            shutil.copyfile(imagenet(keras_folder() / pretrained.FILE), part)
        else:
            shutil.copyfile(_local(files.given_file(source)), part)
    note = " (untrained: for smoke tests only)" if source == "random" else ""
    print(f"fetch: {source} weights{note}, {out.stat().st_size:,} bytes -> {out.as_posix()}")


if __name__ == "__main__":
    run_main(main)
