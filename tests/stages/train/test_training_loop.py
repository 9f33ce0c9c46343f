import dataclasses
from typing import get_args

import numpy as np
import pytest

from stages.train import training_loop
from stages.train.optimizers import Optimizer
from stages.train.training_loop import Examples, TrainingConfig

CONFIG = TrainingConfig(
    optimizer="adam",
    learning_rate=0.01,
    batch_size=8,
    epochs=3,
    patience=2,
    class_weights=None,
    seed=1,
)
RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 3, 21).astype(np.int32)
FEATURES = (RNG.standard_normal((21, 5)) + LABELS[:, None]).astype(np.float32)
EXAMPLES = Examples.without_views(FEATURES, LABELS)


def untrained():
    from classifier.inference.keras_backend import keras

    keras.utils.set_random_seed(1)
    return keras.Sequential([keras.Input((5,)), keras.layers.Dense(3, activation="softmax")])


def fit_by_keras(config):
    """Keras's own `fit`, batch by batch, on the batches that ours draws."""
    from classifier.inference.keras_backend import keras

    model = untrained()
    optimizer = keras.optimizers.get(config.optimizer)
    optimizer.learning_rate = config.learning_rate
    if config.momentum:
        optimizer.momentum = config.momentum
    model.compile(optimizer, "sparse_categorical_crossentropy")
    rng = np.random.default_rng(config.seed)
    for _ in range(config.epochs):
        for rows, weights in zip(*training_loop.draw_batches(LABELS, config, rng), strict=True):
            batch = rows[weights > 0]
            by_class = config.class_weights
            model.fit(FEATURES[batch], LABELS[batch], len(batch), class_weight=by_class, verbose=0)
    return model


@pytest.mark.parametrize("optimizer", get_args(Optimizer))
@pytest.mark.parametrize("weights", [None, {0: 0.5, 1: 1.0, 2: 3.0}])
def test_it_trains_as_keras_fit_does(optimizer, weights):
    config = dataclasses.replace(CONFIG, optimizer=optimizer, class_weights=weights)
    ours = untrained()
    training_loop.fit(ours, EXAMPLES, config)
    for one, other in zip(ours.get_weights(), fit_by_keras(config).get_weights(), strict=True):
        assert one == pytest.approx(other, abs=1e-5)


def test_momentum_is_that_of_keras():
    config = dataclasses.replace(CONFIG, optimizer="sgd", momentum=0.9)
    ours = untrained()
    training_loop.fit(ours, EXAMPLES, config)
    assert ours.get_weights()[0] == pytest.approx(fit_by_keras(config).get_weights()[0], abs=1e-5)


@pytest.mark.parametrize("size", [1, 5, 8, 21, 100])
def test_an_epoch_has_every_image_once(size):
    config = dataclasses.replace(CONFIG, batch_size=size)
    rows, weights = training_loop.draw_batches(LABELS, config, np.random.default_rng(3))
    assert sorted(rows[weights > 0].tolist()) == list(range(21))
    assert weights.sum(axis=1) == pytest.approx(np.ones(len(rows)))


def test_the_history_is_keras_evaluation():
    model = untrained()
    history = training_loop.fit(model, EXAMPLES, CONFIG, EXAMPLES)
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    loss, accuracy = model.evaluate(FEATURES, LABELS, verbose=0)
    best = int(np.argmin(history["val_loss"]))
    assert history["val_loss"][best] == pytest.approx(loss, rel=1e-5)
    assert history["val_accuracy"][best] == pytest.approx(accuracy)
    assert [len(values) for values in history.values()] == [3] * 4


def test_training_stops_early_and_restores_the_best_weights():
    config = dataclasses.replace(CONFIG, learning_rate=30.0, epochs=50)
    model = untrained()
    history = training_loop.fit(model, EXAMPLES, config, EXAMPLES.subset(np.arange(7)))
    best = int(np.argmin(history["val_loss"]))
    assert len(history["val_loss"]) == best + 1 + config.patience < 50
    again = untrained()
    training_loop.fit(again, EXAMPLES, dataclasses.replace(config, epochs=best + 1))
    for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
        assert one == pytest.approx(other, rel=1e-5)


def test_initial_weights_are_restored_if_no_epoch_beats_the_baseline():
    model = untrained()
    before = model.get_weights()
    history = training_loop.fit(model, EXAMPLES, CONFIG, EXAMPLES, baseline_loss=0.0)
    assert len(history["val_loss"]) == CONFIG.patience
    assert all((a == b).all() for a, b in zip(model.get_weights(), before, strict=True))


def test_an_epoch_shows_one_view_of_each_image():
    views = np.stack([np.arange(21), np.arange(21) + 21, np.arange(21) + 42], axis=1)
    features = np.arange(63, dtype=np.float32)[:, None]
    examples = Examples(features, np.arange(21, dtype=np.int32), views)
    rng, seen = np.random.default_rng(0), []
    for _ in range(40):
        ((rows, labels, weights),) = training_loop.load_batches(examples, CONFIG, rng)
        counted = weights > 0
        assert sorted(labels[counted]) == list(range(21))
        assert (rows[..., 0] % 21 == labels).all()
        seen += rows[counted].ravel().tolist()
    assert set(seen) == set(range(63))


@pytest.mark.parametrize("chunk", [1, 200])
def test_the_chunk_size_changes_no_weight(chunk, monkeypatch):
    weights = []
    for size in (training_loop.CHUNK, chunk):
        monkeypatch.setattr(training_loop, "CHUNK", size)
        model = untrained()
        training_loop.fit(model, EXAMPLES, CONFIG, EXAMPLES)
        weights.append(model.get_weights()[0].tobytes())
    assert weights[0] == weights[1]


def test_the_history_so_far_is_passed_on_after_each_epoch():
    losses = []
    training_loop.fit(
        untrained(),
        EXAMPLES,
        CONFIG,
        EXAMPLES,
        on_epoch_end=lambda history: losses.append(history["val_loss"][:]),
    )
    assert [len(values) for values in losses] == [1, 2, 3]
    assert losses[2][:2] == losses[1]


def test_many_images_are_shuffled_within_windows(monkeypatch):
    monkeypatch.setattr(training_loop, "WINDOW", 10)
    rng = np.random.default_rng(1)
    order = training_loop.shuffled(95, rng)
    assert sorted(order.tolist()) == list(range(95))
    starts = [min(order[k : k + 10], key=lambda one: (one - order[0] + 10) % 95) for k in (0, 10)]
    assert (starts[1] - starts[0]) % 95 == 10
    assert (order != training_loop.shuffled(95, rng)).any()
