import dataclasses
import tempfile

import numpy as np
import pytest

from classifier import head
from classifier.backbone import upper_blocks
from classifier.dataset.features import FeatureTable
from classifier.inference import engine
from classifier.inference.openvino_engine import OpenvinoEngine
from stages.train import fine_tuning, training
from stages.train.fine_tuning import TrainingSet
from stages.train.plan import make_plan
from stages.train.training_loop import Examples
from tests.frozen_base import freeze_params, write_base
from tests.stages.train.samples import clusters, settings


@pytest.fixture(scope="module")
def base_folder(random_weights, tmp_path_factory):
    """A base frozen up to mixed9, with the block above it."""
    folder = tmp_path_factory.mktemp("base")
    return write_base(random_weights, freeze_params("mixed9", 75, 75, pooling="none"), folder)


@pytest.fixture(scope="module")
def table(base_folder) -> FeatureTable:
    """Maps of images of two classes, bright and dark."""
    rng = np.random.default_rng(0)
    labels = (np.arange(24) % 2).astype(np.int32)
    pixels = rng.integers(0, 128, (24, 75, 75, 3)) + 100 * labels[:, None, None, None]
    maps = engine.load(base_folder).features(pixels.astype(np.uint8)).astype(np.float16)
    return dataclasses.replace(clusters(24), features=maps, labels=labels)


@pytest.fixture(scope="module")
def dataset(table, base_folder) -> TrainingSet:
    with tempfile.TemporaryFile() as file:
        vectors = fine_tuning.bottleneck_features(table.features, base_folder, file)
    maps = Examples.without_views(table.features, table.labels)
    return TrainingSet(Examples.without_views(vectors, table.labels), maps, base_folder, 3)


def test_bottleneck_features_are_those_of_keras(table, dataset, base_folder):
    upper = upper_blocks.read(base_folder)
    expected = np.asarray(upper(table.features.astype(np.float32), training=False))
    assert dataset.vectors.features == pytest.approx(expected, abs=1e-4 * float(expected.max()))


def test_training_and_evaluation_see_the_same_network(dataset):
    """They do not where batch normalization uses the statistics of a batch: keras#9214, #10214."""
    frozen = settings(dropout=0.0, fine_tune_epochs=1, fine_tune_learning_rate=1e-12)
    _, (_, history) = training.train_once(dataset, frozen, (2, 1), dataset)
    assert history["loss"][0] == pytest.approx(history["val_loss"][0], rel=1e-5)
    assert history["accuracy"] == history["val_accuracy"]


def test_fine_tuning_trains_the_upper_blocks_and_they_are_written(table, dataset, tmp_path):
    losses = []
    tuned, (first, second) = training.train_once(
        dataset,
        settings(fine_tune_epochs=3),
        (5, 3),
        dataset,
        lambda history: losses.append(history["loss"]),
    )
    assert losses[-1] == first["loss"] + second["loss"]
    assert min(second["val_loss"]) < min(first["val_loss"])
    info = head.HeadInfo(("a", "b", "c"), "random", "f" * 64, 24, (0,), "")
    head.write(tmp_path / "head", tuned, info)
    probabilities = head.read(tmp_path / "head").probabilities(table.features)
    loss = -np.log(probabilities[np.arange(24), table.labels]).mean()
    assert loss == pytest.approx(min(second["val_loss"]), rel=1e-3)
    trained = OpenvinoEngine(tmp_path / "head" / "head.xml")
    vectors = np.concatenate(list(head.vectors(trained, table.features)))
    assert not np.allclose(vectors, dataset.vectors.features)


@pytest.mark.slow
def test_fine_tuning_that_never_helps_leaves_the_upper_blocks_alone(table, dataset):
    useless = settings(refit=True, epochs=3, fine_tune_epochs=2, fine_tune_learning_rate=1e-30)
    table = dataclasses.replace(table, class_names=np.array(["a", "b"]))
    plan = make_plan(table, np.arange(24), (), {}, useless)
    outcome = training.train(dataset, plan, useless)
    history = {name: values[:3] for name, values in outcome.history.items()}
    expected, _ = training.train_once(dataset, useless, (training.best_epoch(history), 0))
    layers = (outcome.final.branches[0].layers, expected.branches[0].layers)
    for (one, *_), (other, *_) in zip(*layers, strict=True):
        assert (one == other).all()
