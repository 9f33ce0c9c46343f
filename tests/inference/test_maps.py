import numpy as np
import pytest

from classifier.inference import base, engine, maps
from tests.frozen_base import freeze_params, noise, write_base


def means(layers: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([layer.mean(axis=(1, 2)) for layer in layers], axis=1)


def test_the_means_of_the_maps_are_the_features(finished):
    folder, pixels = finished.folder / base.FOLDER, noise(75, 75)
    layers = maps.load(folder)(pixels)
    assert [layer.shape for layer in layers] == [(3, 7, 7, 256), (3, 7, 7, 288)]
    assert means(layers) == pytest.approx(engine.load(folder).features(pixels), abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("names", ["mixed0", "mixed0 mixed3"])
def test_they_are_with_tensorflow(random_weights, tmp_path, names):
    settings = freeze_params(names, engine="tensorflow")
    folder, pixels = write_base(random_weights, settings, tmp_path / "base"), noise(75, 75)
    layers = maps.load(folder)(pixels)
    shapes = {"mixed0": (3, 7, 7, 256), "mixed3": (3, 3, 3, 768)}
    assert [layer.shape for layer in layers] == [shapes[name] for name in names.split()]
    assert means(layers) == pytest.approx(engine.load(folder).features(pixels), abs=1e-5)
