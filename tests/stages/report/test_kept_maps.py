import os

import numpy as np
import pytest

from stages.report import kept_maps

RNG = np.random.default_rng(5)
MAPS = {
    bytes([n] * 16): [RNG.random(shape).astype(np.float16) for shape in ((5, 4, 6), (2, 2, 3))]
    for n in (0, 1, 32)
}


@pytest.fixture
def folder(tmp_path):
    kept_maps.write(tmp_path / "maps", "network", MAPS, ())
    return tmp_path / "maps"


def test_maps_come_back_for_the_same_network_only(folder):
    found = kept_maps.read(folder, "network", [*MAPS, bytes([9] * 16)])
    assert found.keys() == MAPS.keys()
    for key, layers in MAPS.items():
        for layer, again in zip(layers, found[key], strict=True):
            assert np.array_equal(layer, again) and again.dtype == np.float16
    assert kept_maps.read(folder, "another network", MAPS) == {}


def test_a_damaged_file_counts_as_missing(folder):
    path = sorted(folder.iterdir())[0]
    data = bytearray(path.read_bytes())
    data[-9] ^= 1
    path.write_bytes(data)
    assert list(kept_maps.read(folder, "network", MAPS)) == list(MAPS)[1:]


def test_the_oldest_are_deleted_that_are_not_in_use(folder, monkeypatch):
    ages = dict(zip(MAPS, (20, 30, 10), strict=True))
    for key, age in ages.items():
        os.utime(folder / f"{key.hex()}.bin", (age, age))
    size = max(path.stat().st_size for path in folder.iterdir())
    monkeypatch.setattr(kept_maps, "BUDGET", 2 * size)
    oldest, middle, newest = sorted(MAPS, key=ages.get)
    kept_maps.write(folder, "network", {}, {oldest})
    assert kept_maps.read(folder, "network", MAPS).keys() == {oldest, newest}
    kept_maps.write(folder, "network", {middle: MAPS[middle]}, ())
    assert kept_maps.read(folder, "network", MAPS).keys() == {middle, newest}
