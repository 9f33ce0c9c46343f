import dataclasses

import numpy as np
import pytest

from stages import fitting
from stages.fitting import Plan

PLAN = Plan(
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


def untrained():
    from stages.backend import keras

    keras.utils.set_random_seed(1)
    return keras.Sequential([keras.Input((5,)), keras.layers.Dense(3, activation="softmax")])


def by_keras(plan, validation=None):
    """Keras's own `fit`, a batch at a time, on the batches that ours draws."""
    from stages.backend import keras

    model = untrained()
    optimizer = keras.optimizers.get(plan.optimizer)
    optimizer.learning_rate = plan.learning_rate
    model.compile(optimizer, "sparse_categorical_crossentropy")
    rng = np.random.default_rng(plan.seed)
    for _ in range(plan.epochs):
        for rows, shares in zip(*fitting.batches(LABELS, plan, rng), strict=True):
            real = rows[shares > 0]
            weights = plan.class_weights
            model.fit(FEATURES[real], LABELS[real], len(real), class_weight=weights, verbose=0)
    return model


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop", "adamw"])
@pytest.mark.parametrize("weights", [None, {0: 0.5, 1: 1.0, 2: 3.0}])
def test_it_trains_as_keras_does(optimizer, weights):
    plan = dataclasses.replace(PLAN, optimizer=optimizer, class_weights=weights)
    ours, theirs = untrained(), by_keras(plan)
    fitting.fit(ours, (FEATURES, LABELS), plan)
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert one == pytest.approx(other, abs=1e-5)


@pytest.mark.parametrize("size", [1, 5, 8, 21, 100])
def test_an_epoch_has_every_picture_once(size):
    plan = dataclasses.replace(PLAN, batch_size=size)
    rows, shares = fitting.batches(LABELS, plan, np.random.default_rng(3))
    assert sorted(rows[shares > 0].tolist()) == list(range(21))
    assert shares.sum(axis=1) == pytest.approx(np.ones(len(rows)))


def test_the_curves_are_keras_evaluations():
    model = untrained()
    curves = fitting.fit(model, (FEATURES, LABELS), PLAN, (FEATURES, LABELS))
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    loss, accuracy = model.evaluate(FEATURES, LABELS, verbose=0)
    best = int(np.argmin(curves["val_loss"]))
    assert curves["val_loss"][best] == pytest.approx(loss, rel=1e-5)
    assert curves["val_accuracy"][best] == pytest.approx(accuracy)
    assert [len(curve) for curve in curves.values()] == [3] * 4


def test_it_stops_and_puts_the_best_weights_back():
    plan = dataclasses.replace(PLAN, learning_rate=30.0, epochs=50)
    model = untrained()
    curves = fitting.fit(model, (FEATURES, LABELS), plan, (FEATURES[:7], LABELS[:7]))
    best = int(np.argmin(curves["val_loss"]))
    assert len(curves["val_loss"]) == best + 1 + plan.patience < 50
    again = untrained()
    fitting.fit(again, (FEATURES, LABELS), dataclasses.replace(plan, epochs=best + 1))
    for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
        assert one == pytest.approx(other, rel=1e-5)
