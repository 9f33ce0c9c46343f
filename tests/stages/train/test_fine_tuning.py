import dataclasses
import tempfile

import numpy as np
import pytest

from classifier import head
from classifier.backbone import upper_blocks
from classifier.dataset.features import FeatureTable
from classifier.inference import engine
from classifier.inference.openvino_engine import OpenvinoEngine
from stages.train import fine_tuning
from stages.train import stage as train
from stages.train.fine_tuning import TrainingSet
from stages.train.training_loop import Examples
from tests.test_freeze import settings as freeze_settings
from tests.test_freeze import write as write_base
from tests.test_train import clusters, settings


@pytest.fixture(scope="module")
def frozen(random_weights, tmp_path_factory):
    """A base cut at mixed9, with the block behind it."""
    folder = tmp_path_factory.mktemp("base")
    return write_base(random_weights, freeze_settings("mixed9", 75, 75, pooling="none"), folder)


def maps_table(folder, count: int = 24) -> FeatureTable:
    """Images of two classes, bright and dark, as maps."""
    rng = np.random.default_rng(0)
    labels = (np.arange(count) % 2).astype(np.int32)
    pixels = rng.integers(0, 128, (count, 75, 75, 3)) + 100 * labels[:, None, None, None]
    maps = engine.load(folder).features(pixels.astype(np.uint8)).astype(np.float16)
    few = {name: vars(clusters(count))[name] for name in ("sha256", "views", "paths")}
    return dataclasses.replace(clusters(count), features=maps, labels=labels, **few)


def maps_lesson(table: FeatureTable, folder) -> TrainingSet:
    with tempfile.TemporaryFile() as file:
        vectors = fine_tuning.bottleneck_features(table.features, folder, file)
    maps = Examples.of(table.features, table.labels)
    return TrainingSet(Examples.of(vectors, table.labels), maps, folder, 3)


def test_vectors_of_maps_are_kerass(frozen):
    table = maps_table(frozen)
    data = maps_lesson(table, frozen)
    expected = np.asarray(
        upper_blocks.read(frozen)(table.features.astype(np.float32), training=False)
    )
    assert data.vectors.features == pytest.approx(expected, abs=1e-4 * float(expected.max()))


def test_fit_and_evaluate_agree_on_the_same_images(frozen):
    """They do not where batch norm learns with a batch's own mean: keras#9214, #10214."""
    data = maps_lesson(maps_table(frozen), frozen)
    still = settings(dropout=0.0, fine_tune_epochs=1, fine_tune_learning_rate=1e-12)
    _, (_, curves) = train.train_once(data, still, (2, 1), data)
    assert curves["loss"][0] == pytest.approx(curves["val_loss"][0], rel=1e-5)
    assert curves["accuracy"] == curves["val_accuracy"]


def test_fine_tuning_changes_the_blocks_and_what_is_written_is_what_was_trained(frozen, tmp_path):
    table = maps_table(frozen)
    data = maps_lesson(table, frozen)
    told = []
    tuned, (first, second) = train.train_once(
        data, settings(fine_tune_epochs=3), (5, 3), data, lambda curves: told.append(curves["loss"])
    )
    assert told[-1] == first["loss"] + second["loss"]
    assert min(second["val_loss"]) < min(first["val_loss"])
    about = head.HeadInfo(("a", "b", "c"), "random", "f" * 64)
    head.write(tmp_path / "head", tuned, tuned, about)
    found = head.read(tmp_path / "head").probabilities(table.features)
    hit = found[np.arange(24), table.labels]
    assert -np.log(hit).mean() == pytest.approx(min(second["val_loss"]), rel=1e-3)
    frozen_vectors = head.vectors(OpenvinoEngine(tmp_path / "head" / "head.xml"), table.features)
    assert not np.allclose(np.concatenate(list(frozen_vectors)), data.vectors.features)


def test_fine_tuning_that_never_helps_leaves_the_blocks_alone(frozen):
    data = maps_lesson(maps_table(frozen), frozen)
    useless = settings(refit=True, epochs=3, fine_tune_epochs=2, fine_tune_learning_rate=1e-30)
    validates = np.arange(24) < 6
    used, _, (first, _) = train.train_twice(data, validates, useless)
    untouched, _ = train.train_once(data, useless, (train.best_epoch(first), 0))
    for one, other in zip(used.head.get_weights(), untouched.head.get_weights(), strict=True):
        assert (one == other).all()
