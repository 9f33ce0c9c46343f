"""models/pretrained.h5: the weights of InceptionV3 without its classifier, as Keras has them."""

import hashlib
from pathlib import Path

from classifier.common import hdf5

PATH = Path("models/pretrained.h5")
# The official file: name and md5 from keras/src/applications/inception_v3.py (Keras 3.15.1)
FILE = "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5"
MD5 = "bcbd6486424b2319ff4ef7d526e38f63"
SIZE = 87_910_968  # bytes
URL = f"https://storage.googleapis.com/tensorflow/keras-applications/inception_v3/{FILE}"
MARK = "weights"  # HDF5 attribute; `random` in files that `fetch` has drawn


def file_hash(path: Path, algorithm: str) -> str:
    """Returns the hash of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def identity(path: Path) -> str:
    """Returns which weights these are: `imagenet`, `random`, or `sha256:<hash>` of another file."""
    import h5py

    if file_hash(path, "md5") == MD5:
        return "imagenet"
    hdf5.require_self_contained(path)
    with h5py.File(path, "r") as file:
        if file.attrs.get(MARK) == "random":
            return "random"
    return f"sha256:{file_hash(path, 'sha256')}"
