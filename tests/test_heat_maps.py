from itertools import pairwise

import numpy as np
import pytest

from classifier import head as heads
from classifier import heat_maps
from classifier.head import Branch, Head, HeadInfo
from classifier.inference import base, engine
from tests.frozen_base import noise

RNG = np.random.default_rng(4)
LAYERS = [RNG.random((5, 4, 6)), RNG.random((2, 2, 3))]
MEANS = np.concatenate([layer.mean(axis=(0, 1)) for layer in LAYERS])
INFO = HeadInfo(("a", "b", "c"), "imagenet", "", 3, (0,), "")


def head(power: float, hidden: int = 0) -> Head:
    sizes = [9, hidden, 3] if hidden else [9, 3]
    layers = [(RNG.normal(size=(a, b)), RNG.normal(size=b), "relu") for a, b in pairwise(sizes)]
    layers[-1] = (*layers[-1][:2], "softmax")
    return Head(INFO, (Branch(power, tuple(layers)),))


def evidence(one: Head, features: np.ndarray) -> np.ndarray:
    """Returns the logits less their mean."""
    logs = np.log(one.probabilities(features[None])[0])
    return logs - logs.mean()


@pytest.mark.parametrize("power", [1, 0.5])
def test_the_shares_of_all_places_add_up_to_the_logit_without_its_bias(power):
    one = head(power)
    bias = one.branches[0].layers[0][1]
    for class_ in range(3):
        total = sum(share.mean() for share in heat_maps.shares(LAYERS, one, class_))
        expected = evidence(one, MEANS)[class_] - (bias[class_] - bias.mean())
        assert total == pytest.approx(expected)


def test_with_a_hidden_layer_a_share_is_what_the_logit_gains_by_a_little_more_of_it():
    one, step = head(1, hidden=8), 1e-6
    (share, _) = heat_maps.shares(LAYERS, one, 1)
    more = MEANS.copy()
    more[:6] += step * LAYERS[0][3, 2]
    gained = (evidence(one, more) - evidence(one, MEANS))[1] / step
    assert share[3, 2] == pytest.approx(gained, rel=1e-4)


@pytest.mark.parametrize(
    ("places", "first", "step"), [(8, 37.5, 32), (17, 21.5, 16), (35, 13.5, 8)]
)
def test_a_place_of_a_map_lies_where_the_network_saw_it(places, first, step):
    layer = np.zeros((places, places))
    layer[2, places - 3] = 1  # not at an edge
    heat = heat_maps.enlarged(layer, 299, 299)
    centres = (np.arange(heat_maps.SIDE) + 0.5) * 299 / heat_maps.SIDE
    rows, columns = heat.sum(axis=1), heat.sum(axis=0)
    assert rows @ centres / rows.sum() == pytest.approx(first + 2 * step, abs=1)
    assert columns @ centres / columns.sum() == pytest.approx(299 - first - 2 * step, abs=1)


def test_heat_maps_of_a_real_run_compare_the_class_with_the_others(finished, monkeypatch):
    monkeypatch.chdir(finished.folder)
    explainer = heat_maps.load(heads.read(heads.FOLDER))
    pixels = np.repeat(noise(75, 75)[:1], 3, axis=0)
    heats = explainer.heat_maps(pixels, [0, 1, 2])
    assert heats.shape == (3, heat_maps.SIDE, heat_maps.SIDE) and np.ptp(heats) > 0
    assert heats.sum(axis=0) == pytest.approx(0, abs=1e-6 * np.abs(heats).max())


@pytest.mark.slow
def test_the_maps_of_fine_tuned_blocks_are_those_that_their_vectors_are_means_of(
    fine_tuned, monkeypatch
):
    monkeypatch.chdir(fine_tuned.folder)
    one, pixels = heads.read(heads.FOLDER), noise(75, 75)
    (layer,) = heat_maps.load(one).maps(pixels)
    features = engine.load(base.FOLDER).features(pixels).astype(np.float16)
    assert layer.mean(axis=(1, 2)) == pytest.approx(one.vectors(features), abs=1e-5)
