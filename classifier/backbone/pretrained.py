"""models/pretrained.h5: InceptionV3's weights without its top, in Keras's HDF5 layout."""

import hashlib
from pathlib import Path

import h5py

PATH = Path("models/pretrained.h5")
# Keras's official file, name and md5 as in keras/src/applications/inception_v3.py (3.15.1)
FILE = "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5"
MD5 = "bcbd6486424b2319ff4ef7d526e38f63"
URL = f"https://storage.googleapis.com/tensorflow/keras-applications/inception_v3/{FILE}"
MARK = "weights"  # attribute that tells random weights from trained ones


def digest(path: Path, algorithm: str) -> str:
    """Returns the hash of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def identity(path: Path) -> str:
    """Returns what the weights are: `imagenet`, `random`, or `sha256:<hash>` of another file."""
    if digest(path, "md5") == MD5:
        return "imagenet"
    with h5py.File(path, "r") as file:
        if file.attrs.get(MARK) == "random":
            return "random"
    return f"sha256:{digest(path, 'sha256')}"
