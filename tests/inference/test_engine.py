from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from classifier.inference import engine
from tests.test_freeze import ENGINES, settings, write

PIXELS = np.random.default_rng(5).integers(0, 256, (9, 75, 75, 3), np.uint8)


@pytest.fixture(scope="module", params=ENGINES, ids=" ".join)
def folder(request, random_weights, tmp_path_factory):
    kind, precision = request.param
    chosen = settings("mixed10", kind=kind, precision=precision)
    return write(random_weights, chosen, tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def network(folder):
    return engine.load(folder)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8])
def test_the_number_of_images_changes_no_bit(network, size):
    whole = network.features(PIXELS)
    parts = [network.features(PIXELS[first : first + size]) for first in range(0, 9, size)]
    assert np.concatenate(parts).tobytes() == whole.tobytes()


def test_neighbours_change_no_bit(network):
    turned = network.features(PIXELS[::-1].copy())[::-1]
    assert turned.tobytes() == network.features(PIXELS).tobytes()


@pytest.mark.parametrize("threads", [1, 2])
def test_the_number_of_cores_changes_no_bit(network, folder, threads):
    assert engine.load(folder, threads).features(PIXELS).tobytes() == (
        network.features(PIXELS).tobytes()
    )


def test_calls_at_once_do_not_mix(network):
    expected = [network.features(PIXELS[n : n + 1]).tobytes() for n in range(9)]
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda n: network.features(PIXELS[n % 9 : n % 9 + 1]).tobytes(), range(90))
        assert list(found) == expected * 10


def test_images_are_told_apart(network):
    features = network.features(PIXELS)
    assert (features.shape, features.dtype) == ((9, 2048), np.float32)
    assert features.std(axis=0).max() > 0.01
    features[:] = 0  # the caller's own, as nothing else holds them
    assert network.features(PIXELS).any()


def test_tensorflow_runs_on_every_gpu_that_it_sees():
    from classifier.inference.keras_backend import tf

    seen = tf.config.list_physical_devices("GPU")
    assert engine.device("tensorflow") == ("GPU" if seen else "CPU")
    assert engine.device("openvino") == "CPU"
    assert len(tf.config.get_visible_devices("GPU")) == len(seen)


@pytest.mark.parametrize(
    ("kind", "package"),
    [("tensorflow", "tensorflow"), ("tensorflow", "keras"), ("openvino", "openvino")],
)
def test_the_recipe_names_the_libraries_that_compute(kind, package, monkeypatch):
    before, version = engine.recipe(kind), engine.metadata.version
    monkeypatch.setattr(
        engine.metadata, "version", lambda name: "0" if name == package else version(name)
    )
    assert engine.recipe(kind) != before


def test_the_recipe_names_the_device(monkeypatch):
    before = engine.recipe("tensorflow")
    monkeypatch.setattr(engine, "device", lambda kind: "TPU")
    assert engine.recipe("tensorflow") != before
