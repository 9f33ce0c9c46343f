import h5py
import numpy as np
import pytest

from classifier.common import hdf5
from classifier.common.errors import StageError


@pytest.fixture
def secret(tmp_path):
    """A file that others link to."""
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["values"] = np.arange(4.0)
    (tmp_path / "secret.bin").write_bytes(bytes(32))
    return tmp_path


def external_link(group, folder):
    group["found"] = h5py.ExternalLink(folder / "secret.h5", "/values")


def soft_link(group, folder):
    group["found"] = h5py.SoftLink("/elsewhere")


def external_dataset(group, folder):
    group.create_dataset("found", (4,), external=[(str(folder / "secret.bin"), 0, 32)])


def virtual_dataset(group, folder):
    layout = h5py.VirtualLayout((4,), float)
    layout[:] = h5py.VirtualSource(folder / "secret.h5", "values", (4,))
    group.create_virtual_dataset("found", layout)


@pytest.mark.parametrize("add", [external_link, soft_link, external_dataset, virtual_dataset])
def test_a_file_that_reads_others_is_refused(add, secret):
    path = secret / "weights.h5"
    with h5py.File(path, "w") as file:
        add(file.create_group("layer/inner"), secret)
    with pytest.raises(StageError, match=r"got links to data elsewhere \(layer/inner/found\)"):
        hdf5.require_self_contained(path)


def test_a_file_with_all_of_its_data_passes(secret):
    path = secret / "weights.h5"
    with h5py.File(path, "w") as file:
        file["layer/values"] = np.ones(3)
        file["layer/again"] = file["layer"]  # a cycle
    hdf5.require_self_contained(path)
