import dataclasses

import numpy as np
import pytest

from stages.train import training_loop
from stages.train.training_loop import Examples, TrainingConfig

PLAN = TrainingConfig(
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
DATA = Examples.of(FEATURES, LABELS)


def untrained():
    from classifier.inference.keras_backend import keras

    keras.utils.set_random_seed(1)
    return keras.Sequential([keras.Input((5,)), keras.layers.Dense(3, activation="softmax")])


def by_keras(plan, validation=None):
    """Keras's own `fit`, a batch at a time, on the batches that ours draws."""
    from classifier.inference.keras_backend import keras

    model = untrained()
    optimizer = keras.optimizers.get(plan.optimizer)
    optimizer.learning_rate = plan.learning_rate
    model.compile(optimizer, "sparse_categorical_crossentropy")
    rng = np.random.default_rng(plan.seed)
    for _ in range(plan.epochs):
        for rows, shares in zip(*training_loop.batches(LABELS, plan, rng), strict=True):
            real = rows[shares > 0]
            weights = plan.class_weights
            model.fit(FEATURES[real], LABELS[real], len(real), class_weight=weights, verbose=0)
    return model


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop", "adamw"])
@pytest.mark.parametrize("weights", [None, {0: 0.5, 1: 1.0, 2: 3.0}])
def test_it_trains_as_keras_does(optimizer, weights):
    plan = dataclasses.replace(PLAN, optimizer=optimizer, class_weights=weights)
    ours, theirs = untrained(), by_keras(plan)
    training_loop.fit(ours, DATA, plan)
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert one == pytest.approx(other, abs=1e-5)


@pytest.mark.parametrize("size", [1, 5, 8, 21, 100])
def test_an_epoch_has_every_image_once(size):
    plan = dataclasses.replace(PLAN, batch_size=size)
    rows, shares = training_loop.batches(LABELS, plan, np.random.default_rng(3))
    assert sorted(rows[shares > 0].tolist()) == list(range(21))
    assert shares.sum(axis=1) == pytest.approx(np.ones(len(rows)))


def test_the_curves_are_keras_evaluations():
    model = untrained()
    curves = training_loop.fit(model, DATA, PLAN, DATA)
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    loss, accuracy = model.evaluate(FEATURES, LABELS, verbose=0)
    best = int(np.argmin(curves["val_loss"]))
    assert curves["val_loss"][best] == pytest.approx(loss, rel=1e-5)
    assert curves["val_accuracy"][best] == pytest.approx(accuracy)
    assert [len(curve) for curve in curves.values()] == [3] * 4


def test_it_stops_and_puts_the_best_weights_back():
    plan = dataclasses.replace(PLAN, learning_rate=30.0, epochs=50)
    model = untrained()
    curves = training_loop.fit(model, DATA, plan, DATA.only(np.arange(7)))
    best = int(np.argmin(curves["val_loss"]))
    assert len(curves["val_loss"]) == best + 1 + plan.patience < 50
    again = untrained()
    training_loop.fit(again, DATA, dataclasses.replace(plan, epochs=best + 1))
    for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
        assert one == pytest.approx(other, rel=1e-5)


def test_an_epoch_shows_each_image_by_one_of_its_views():
    views = np.stack([np.arange(21), np.arange(21) + 21, np.arange(21) + 42], axis=1)
    data = Examples(np.arange(63, dtype=np.float32)[:, None], np.arange(21, dtype=np.int32), views)
    rng, seen = np.random.default_rng(0), []
    for _ in range(40):
        ((rows, labels, shares),) = training_loop.drawn(data, PLAN, rng)
        counted = shares > 0
        assert sorted(labels[counted]) == list(range(21))
        assert (rows[..., 0] % 21 == labels).all()
        seen += rows[counted].ravel().tolist()
    assert set(seen) == set(range(63))


@pytest.mark.parametrize("chunk", [1, 200])
def test_how_much_is_handed_over_at_once_changes_nothing(chunk, monkeypatch):
    weights = []
    for size in (training_loop.CHUNK, chunk):
        monkeypatch.setattr(training_loop, "CHUNK", size)
        model = untrained()
        training_loop.fit(model, DATA, PLAN, DATA)
        weights.append(model.get_weights()[0].tobytes())
    assert weights[0] == weights[1]


def test_the_first_weights_are_put_back_if_none_were_better():
    model = untrained()
    before = model.get_weights()
    curves = training_loop.fit(model, DATA, PLAN, DATA, lowest=0.0)
    assert len(curves["val_loss"]) == PLAN.patience
    assert all((a == b).all() for a, b in zip(model.get_weights(), before, strict=True))


def test_momentum_is_that_of_sgd():
    plans = [dataclasses.replace(PLAN, optimizer="sgd", momentum=m) for m in (0.0, 0.9)]
    models = [untrained(), untrained()]
    for model, plan in zip(models, plans, strict=True):
        training_loop.fit(model, DATA, plan)
    assert not np.allclose(models[0].get_weights()[0], models[1].get_weights()[0])


def test_the_curves_are_told_after_every_epoch():
    told = []
    training_loop.fit(
        untrained(), DATA, PLAN, DATA, tell=lambda curves: told.append(curves["val_loss"][:])
    )
    assert [len(losses) for losses in told] == [1, 2, 3]
    assert told[2][:2] == told[1]
