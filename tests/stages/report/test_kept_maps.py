import numpy as np
import pytest

from stages.report import kept_maps

RNG = np.random.default_rng(5)
MAPS = {
    bytes([n] * 16): [RNG.random(shape).astype(np.float16) for shape in ((5, 4, 6), (2, 2, 3))]
    for n in (0, 1, 32)
}


@pytest.fixture
def path(tmp_path):
    kept_maps.write(tmp_path / kept_maps.NAME, "network", MAPS)
    return tmp_path / kept_maps.NAME


def test_maps_come_back_for_the_same_network_only(path):
    found = kept_maps.read(path, "network")
    assert found.keys() == MAPS.keys()
    for key, layers in MAPS.items():
        for layer, again in zip(layers, found[key], strict=True):
            assert np.array_equal(layer, again) and again.dtype == np.float16
    assert kept_maps.read(path, "another network") == {}
    path.unlink()
    assert kept_maps.read(path, "network") == {}


def test_only_as_many_maps_are_kept_as_fit(path, monkeypatch):
    monkeypatch.setattr(kept_maps, "BUDGET", 2 * sum(layer.nbytes for layer in MAPS[bytes(16)]))
    kept_maps.write(path, "network", MAPS)
    assert list(kept_maps.read(path, "network")) == list(MAPS)[:2]
