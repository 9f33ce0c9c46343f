import numpy as np
import pytest
from test_freeze import settings, write

from stages import engine as engines
from stages.engine import Engine, device


@pytest.fixture(scope="module")
def engine(random_weights, tmp_path_factory):
    return Engine(write(random_weights, settings("mixed10"), tmp_path_factory.mktemp("base")))


PIXELS = np.random.default_rng(5).integers(0, 256, (7, 75, 75, 3), np.uint8)


@pytest.mark.parametrize("batch_size", [1, 2, 3, 5, 32])
def test_the_batch_size_changes_no_bit(engine, batch_size):
    whole = engine.features(PIXELS, 7)
    parts = [
        engine.features(PIXELS[first : first + batch_size], batch_size)
        for first in range(0, 7, batch_size)
    ]
    assert np.concatenate(parts).tobytes() == whole.tobytes()


def test_neighbours_change_no_bit(engine):
    turned = engine.features(PIXELS[::-1].copy(), 7)[::-1]
    assert turned.tobytes() == engine.features(PIXELS, 7).tobytes()


def test_pictures_are_told_apart(engine):
    features = engine.features(PIXELS, 7)
    assert features.shape == (7, 2048)
    assert features.std(axis=0).max() > 0.01


def test_it_runs_on_every_gpu_that_tensorflow_sees(engine):
    from stages.backend import tf

    seen = tf.config.list_physical_devices("GPU")
    assert device() == ("GPU" if seen else "CPU")
    assert len(tf.config.get_visible_devices("GPU")) == len(seen)


@pytest.mark.parametrize("package", ["tensorflow", "keras"])
def test_the_recipe_names_the_libraries_that_compute(package, monkeypatch):
    before, version = engines.recipe(), engines.metadata.version
    monkeypatch.setattr(
        engines.metadata, "version", lambda name: "0" if name == package else version(name)
    )
    assert engines.recipe() != before


def test_the_recipe_names_the_device(monkeypatch):
    before = engines.recipe()
    monkeypatch.setattr(engines, "device", lambda: "TPU")
    assert engines.recipe() != before
