import dataclasses
import json

import numpy as np
import pytest

from classifier import head, novelty
from classifier.common.errors import StageError
from classifier.head import HeadInfo, TrainedLayers
from stages.train.fine_tuning import branch
from stages.train.heads import HEADS
from tests.stages.train.samples import clusters, settings

INFO = HeadInfo(("ant", "bée"), "random", "f" * 64, 12, (0, -1), "")
FEATURES = np.random.default_rng(0).random((7, 5), np.float32)


def untrained(hidden_units: int = 6):
    """Returns a Keras model with its initial weights."""
    from classifier.inference.keras_backend import keras

    keras.utils.set_random_seed(hidden_units)
    return HEADS["dense"](5, 2, settings(hidden_units=hidden_units))


def trained(*models) -> TrainedLayers:
    return TrainedLayers(tuple(map(branch, models)))


@pytest.fixture
def folder(tmp_path):
    head.write(tmp_path / "head", trained(untrained()), INFO)
    return tmp_path / "head"


@pytest.mark.parametrize("hidden_units", [0, 6])
def test_probabilities_are_those_of_keras(hidden_units, tmp_path):
    model = untrained(hidden_units)
    head.write(tmp_path / "head", trained(model), INFO)
    ours = head.read(tmp_path / "head").probabilities(FEATURES)
    assert ours == pytest.approx(model.predict(FEATURES, verbose=0), abs=1e-6)


def test_a_head_of_several_branches_predicts_their_mean(tmp_path):
    models = untrained(0), untrained(6)
    head.write(tmp_path / "head", trained(*models), INFO)
    expected = np.mean([model.predict(FEATURES, verbose=0) for model in models], axis=0)
    assert head.read(tmp_path / "head").probabilities(FEATURES) == pytest.approx(expected, abs=1e-6)


def test_a_branch_may_take_square_roots(tmp_path):
    model = untrained(0)
    one = dataclasses.replace(branch(model), power=0.5)
    head.write(tmp_path / "head", TrainedLayers((one,)), INFO)
    expected = model.predict(np.sqrt(FEATURES), verbose=0)
    read = head.read(tmp_path / "head")
    assert read.probabilities(FEATURES) == pytest.approx(expected, abs=1e-6)
    assert np.isfinite(read.probabilities(-FEATURES)).all()


def test_the_same_layers_give_the_same_bytes(tmp_path):
    layers, contents = trained(untrained()), []
    for name in ("one", "two"):
        head.write(tmp_path / name, layers, INFO)
        contents.append({p.name: p.read_bytes() for p in (tmp_path / name).iterdir()})
    assert contents[0] == contents[1]
    assert contents[0].keys() == {"head.npz", "head.json"}


def test_a_rewritten_folder_keeps_no_file_of_the_old_one(folder):
    (folder / "head.xml").write_text("of a head on maps")
    head.write(folder, trained(untrained()), INFO)
    assert head.read(folder).network is None


def test_rows_sum_to_one_and_do_not_depend_on_each_other(folder):
    model = head.read(folder)
    together = model.probabilities(FEATURES)
    assert together.sum(axis=1) == pytest.approx(1)
    alone = np.concatenate([model.probabilities(row[None]) for row in FEATURES])
    assert np.abs(together - alone).max() < 1e-14


def test_no_images_have_no_probabilities(folder):
    assert head.read(folder).probabilities(FEATURES[:0]).shape == (0, 2)


def test_the_info_survives(folder):
    assert head.read(folder).info == INFO


@pytest.mark.parametrize("name", ["units", "train_images", "tta_views"])
def test_a_head_of_another_version_is_an_error(name, folder):
    values = json.loads((folder / head.INFO).read_text())
    values = {key: value for key, value in values.items() if key != name}
    values |= {"units": 6} if name == "units" else {}
    (folder / head.INFO).write_text(json.dumps(values))
    with pytest.raises(StageError, match="another version of this project; run `dvc repro`"):
        head.read(folder)


def test_large_values_do_not_overflow():
    assert head.softmax(np.array([[1e4, 0.0]])).tolist() == [[1, 0]]


def test_no_image_is_unknown_with_random_weights(folder):
    score = novelty.fit(FEATURES.astype(np.float64), np.arange(7) % 2)
    score = score.calibrated(score.measures(FEATURES))
    one = dataclasses.replace(head.read(folder), novelty=score)
    real = dataclasses.replace(one, info=dataclasses.replace(INFO, weights="imagenet"))
    assert np.isfinite(real.novelty_threshold(0.9))
    assert one.novelty_threshold(0.9) == real.novelty_threshold(1) == np.inf


@pytest.mark.parametrize("chunk", [512, 1])
def test_predictions_are_averaged_over_views(chunk, folder, monkeypatch):
    monkeypatch.setattr(head, "rows_per_chunk", lambda *_: chunk)
    model = head.read(folder)
    each = model.probabilities(FEATURES)
    table = dataclasses.replace(clusters(7), features=FEATURES)
    views = np.array([[0, 3], [6, 2], [4, 4]])
    expected = (each[views[:, 0]] + each[views[:, 1]]) / 2
    probabilities, novelty = model.predict(table, views)
    assert probabilities == pytest.approx(expected, abs=1e-12)
    assert np.isnan(novelty).all()  # this head has none
