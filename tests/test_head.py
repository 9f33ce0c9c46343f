import dataclasses

import numpy as np
import pytest

from classifier import head
from classifier.head import HeadInfo, TrainedLayers
from tests.test_train import clusters

ABOUT = HeadInfo(("ant", "bée"), "random", "f" * 64)
FEATURES = np.random.default_rng(0).random((7, 5), np.float32)


def models(units: int):
    from classifier.inference.keras_backend import keras
    from stages.train.stage import network

    keras.utils.set_random_seed(units)
    return [network(5, 2, params(units)) for _ in range(2)]


def params(units: int):
    from test_train import settings

    return settings(units=units)


@pytest.mark.parametrize("units", [0, 6])
def test_probabilities_are_those_of_keras(units, tmp_path):
    used, scored = models(units)
    head.write(tmp_path / "head", TrainedLayers(used), TrainedLayers(scored), ABOUT)
    for model, name in ((used, head.WEIGHTS), (scored, head.EVALUATION_WEIGHTS)):
        ours = head.read(tmp_path / "head", name).probabilities(FEATURES)
        assert ours == pytest.approx(model.predict(FEATURES, verbose=0), abs=1e-6)


def test_rows_sum_to_one_and_do_not_depend_on_their_neighbours(tmp_path):
    head.write(tmp_path / "head", *map(TrainedLayers, models(6)), ABOUT)
    model = head.read(tmp_path / "head")
    whole = model.probabilities(FEATURES)
    assert whole.sum(axis=1) == pytest.approx(1)
    alone = np.concatenate([model.probabilities(row[None]) for row in FEATURES])
    assert np.abs(whole - alone).max() < 1e-14


def test_no_images_have_no_probabilities(tmp_path):
    head.write(tmp_path / "head", *map(TrainedLayers, models(6)), ABOUT)
    assert head.read(tmp_path / "head").probabilities(FEATURES[:0]).shape == (0, 2)


def test_what_it_belongs_to_survives(tmp_path):
    head.write(tmp_path / "head", *map(TrainedLayers, models(0)), ABOUT)
    assert head.read(tmp_path / "head").about == ABOUT


def test_extreme_scores_do_not_overflow():
    assert head.softmax(np.array([[1e4, 0.0]])).tolist() == [[1, 0]]


def test_a_image_is_judged_by_the_mean_over_its_views(tmp_path, monkeypatch):
    head.write(tmp_path / "head", *map(TrainedLayers, models(6)), ABOUT)
    model = head.read(tmp_path / "head")
    each = model.probabilities(FEATURES)
    table = dataclasses.replace(clusters(7), features=FEATURES)
    views = np.array([[0, 3], [6, 2], [4, 4]])
    expected = (each[views[:, 0]] + each[views[:, 1]]) / 2
    for most in (512, 1):
        monkeypatch.setattr(head, "rows_at_once", lambda *a, most=most: most)
        assert model.predict(table, views) == pytest.approx(expected, abs=1e-12)
