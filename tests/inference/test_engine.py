import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata

import h5py
import numpy as np
import pytest

from classifier.common.errors import StageError
from classifier.inference import engine
from tests.frozen_base import ENGINES, freeze_params, write_base
from tests.project import ROOT

PIXELS = np.random.default_rng(5).integers(0, 256, (9, 75, 75, 3), np.uint8)


@pytest.fixture(
    scope="module",
    params=[pytest.param(ENGINES[0], marks=pytest.mark.slow), *ENGINES[1:]],
    ids=" ".join,
)
def folder(request, random_weights, tmp_path_factory):
    name, precision = request.param
    settings = freeze_params("mixed10", engine=name, precision=precision)
    return write_base(random_weights, settings, tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def network(folder):
    return engine.load(folder)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8])
def test_the_batch_size_changes_no_bit(network, size):
    batches = [network.features(PIXELS[first : first + size]) for first in range(0, 9, size)]
    assert np.concatenate(batches).tobytes() == network.features(PIXELS).tobytes()


def test_the_order_in_a_batch_changes_no_bit(network):
    reversed_ = network.features(PIXELS[::-1].copy())[::-1]
    assert reversed_.tobytes() == network.features(PIXELS).tobytes()


@pytest.mark.parametrize("threads", [1, 2])
def test_the_number_of_cores_changes_no_bit(network, folder, threads):
    features = engine.load(folder, threads).features(PIXELS)
    assert features.tobytes() == network.features(PIXELS).tobytes()


def test_concurrent_calls_do_not_mix(network):
    expected = [network.features(PIXELS[n : n + 1]).tobytes() for n in range(9)]

    def features(n: int) -> bytes:
        return network.features(PIXELS[n % 9 : n % 9 + 1]).tobytes()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(features, range(90))) == expected * 10


def test_features_differ_between_images_and_belong_to_the_caller(network):
    features = network.features(PIXELS)
    assert (features.shape, features.dtype) == ((9, 2048), np.float32)
    assert features.std(axis=0).max() > 0.01
    features[:] = 0
    assert network.features(PIXELS).any()


def test_tensorflow_runs_on_every_gpu_that_it_sees():
    from classifier.inference.keras_backend import tf

    gpus = tf.config.list_physical_devices("GPU")
    assert engine.device("tensorflow") == ("GPU" if gpus else "CPU")
    assert engine.device("openvino") == "CPU"
    assert len(tf.config.get_visible_devices("GPU")) == len(gpus)


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Makes Python see a distribution of a name and version, before those installed."""

    def install(name: str, version: str) -> None:
        folder = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        monkeypatch.syspath_prepend(tmp_path)

    return install


@pytest.mark.parametrize(
    ("name", "package"),
    [("tensorflow", "tensorflow"), ("tensorflow", "keras"), ("openvino", "openvino")],
)
def test_the_runtime_names_the_libraries_that_compute(name, package, install):
    install(package, "0.7")
    assert f"{package} 0.7" in engine.runtime(name)


def test_the_runtime_names_the_device(monkeypatch):
    assert engine.runtime("openvino").endswith(" on CPU")
    monkeypatch.setattr(engine, "device", lambda name: "TPU")
    assert engine.runtime("tensorflow").endswith(" on TPU")


def test_the_version_of_tensorflow_is_found_under_either_name(install, tmp_path, monkeypatch):
    install("tensorflow-cpu", "2.99")
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    assert engine.version("tensorflow") == "2.99"


def test_the_version_of_a_missing_package_is_an_error():
    with pytest.raises(metadata.PackageNotFoundError):
        engine.version("no-such-package")


def test_weights_that_are_in_another_file_are_refused(tmp_path):
    from classifier.inference import keras_backend

    with h5py.File(tmp_path / "base.weights.h5", "w") as file:
        file["layers"] = h5py.ExternalLink("other.h5", "/")
    (tmp_path / "model.json").write_text(keras_backend.keras.Sequential().to_json())
    with pytest.raises(StageError, match=r"must contain all of its data"):
        keras_backend.read_model(tmp_path / "model.json", tmp_path / "base.weights.h5")


FULL_DISK = """
import resource, sys
from pathlib import Path
import numpy as np
from classifier.common import files
from classifier.common.errors import run_main
from classifier.inference import openvino_engine

def main():
    ops = openvino_engine.openvino().opset13
    pixels = ops.parameter([1, 500], np.float32)
    product = ops.matmul(pixels, ops.constant(np.ones((500, 500), np.float32)), False, False)
    network = openvino_engine.openvino().Model([product], [pixels], "network")
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    with files.atomic_folder(Path(sys.argv[1], "out"), "mark") as part:
        openvino_engine.write(network, part / "network.xml")

run_main(main)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits files as Linux does")
def test_a_network_that_does_not_fit_on_the_disk_is_one_error(tmp_path):
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (
        done.stderr == f"error: {tmp_path}/out: the disk is full; free some space and run again\n"
    )
    assert done.returncode == 1 and list(tmp_path.iterdir()) == []


def test_openvinos_converter_is_imported_only_by_what_needs_it():
    code = (
        "import sys\n"
        "from classifier.inference.openvino_engine import CONVERTER, converter, openvino\n"
        "assert openvino() is openvino() and CONVERTER not in sys.modules\n"
        "assert converter() is sys.modules[CONVERTER].convert_model\n"
        "assert sys.modules['openvino_telemetry'] is None\n"
    )
    subprocess.run((sys.executable, "-c", code), cwd=ROOT, check=True)
