from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.utils.class_weight import compute_class_weight

from classifier.common.errors import StageError
from classifier.dataset.features import FeatureTable
from stages.train import training
from stages.train.fine_tuning import TrainingSet
from stages.train.params import weights_by_index
from stages.train.plan import make_plan
from stages.train.training_loop import Examples
from tests.stages.train.samples import SETTINGS, clusters, settings, subset


def plan_of(table: FeatureTable, chosen=SETTINGS):
    return make_plan(table, np.arange(len(table.labels)), (), {}, chosen)


def train(table: FeatureTable, chosen=SETTINGS):
    """Trains on the table; returns the final branch, that of the first round and the history."""
    examples = Examples.without_views(table.features, table.labels)
    dataset = TrainingSet(examples, None, Path(), 3)
    outcome = training.train(dataset, plan_of(table, chosen), chosen)
    return outcome.final.branches[0], outcome.rounds[1].branches[0], outcome.history


def predict(branch, table: FeatureTable) -> np.ndarray:
    return branch.probabilities(table.features.astype(np.float64))


def accuracy(branch, table: FeatureTable) -> float:
    return (predict(branch, table).argmax(axis=1) == table.labels).mean()


def test_the_head_is_as_good_as_logistic_regression():
    table, new = clusters(), clusters(2000, seed=1)
    floor = LogisticRegression().fit(table.features, table.labels).score(new.features, new.labels)
    assert accuracy(train(table)[0], new) > floor - 0.02 > 0.8


def test_the_weights_of_the_best_epoch_are_kept():
    table, chosen = clusters(spread=2.5), settings(refit=False, learning_rate=0.05)
    final, evaluation, history = train(table, chosen)
    mask = plan_of(table).rounds == 1
    probabilities = predict(evaluation, table)[mask]
    loss = log_loss(table.labels[mask], probabilities)
    score = (probabilities.argmax(axis=1) == table.labels[mask]).mean()
    best = training.best_epoch(history)
    patience = training.head_config(chosen, table.labels[~mask]).patience
    assert len(history["val_loss"]) == best + patience < chosen.epochs
    assert loss == pytest.approx(min(history["val_loss"]), rel=1e-4)
    assert score == pytest.approx(history["val_accuracy"][best - 1], rel=1e-4)
    assert final is evaluation


@pytest.mark.parametrize(
    ("n_images", "batch_size", "patience"), [(24, 0, 50), (60, 10, 9), (200, 10, 5)]
)
def test_early_stopping_waits_for_a_number_of_steps_too(n_images, batch_size, patience):
    labels = np.zeros(n_images, np.int32)
    config = training.head_config(settings(batch_size=batch_size, patience=5), labels)
    assert config.patience == patience


def test_refit_trains_on_the_validation_images_too():
    final, evaluation, _ = train(clusters())
    without_refit, same, _ = train(clusters(), settings(refit=False))
    assert np.array_equal(evaluation.layers[0][0], same.layers[0][0])
    assert not np.array_equal(final.layers[0][0], without_refit.layers[0][0])


def test_cross_validation_trains_once_per_fold_and_then_on_all_images():
    table, chosen = clusters(), settings(folds=3)
    dataset = TrainingSet(Examples.without_views(table.features, table.labels), None, Path(), 3)
    outcome = training.train(dataset, plan_of(table, chosen), chosen)
    branches = [one.branches[0] for one in (*outcome.rounds.values(), outcome.final)]
    assert len({branch.layers[0][0].tobytes() for branch in branches}) == 4
    assert min(accuracy(branch, clusters(2000, seed=1)) for branch in branches) > 0.8


def test_the_same_seed_gives_the_same_weights():
    def weights(seed: int) -> bytes:
        return train(clusters(), settings(seed=seed))[0].layers[0][0].tobytes()

    assert weights(1) == weights(1) != weights(2)


def test_a_diverging_loss_is_an_error():
    with pytest.raises(StageError, match=r"train.learning_rate must be low enough.*got 1e\+18"):
        train(clusters(60), settings(optimizer="sgd", learning_rate=1e18))


def test_an_epoch_without_a_finite_loss_is_never_the_best():
    assert training.best_epoch({"val_loss": [1.0, 0.5, 0.6, float("nan")]}) == 2


def test_balanced_class_weights_are_scikit_learns():
    labels = np.array([0] * 10 + [1] * 3 + [2], np.int32)
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    assert list(training.class_weights(labels, "balanced").values()) == pytest.approx(expected)
    assert training.class_weights(labels, "none") is None


def test_weights_given_by_class_go_by_their_index():
    by_index = weights_by_index({"b": 3, 7: 0.5}, ["7", "a", "b"])
    assert by_index == {2: 3, 0: 0.5}
    weights = training.class_weights(np.array([0, 1, 2, 2]), by_index)
    assert weights == {0: 0.5, 1: 1.0, 2: 3}
    with pytest.raises(StageError, match=r"class_weight has no class 'Cat'; did you mean cats\?"):
        weights_by_index({"Cat": 2}, ["cats", "dogs"])


def test_balanced_class_weights_help_the_rare_class():
    table, new = clusters(400, spread=2.0), clusters(2000, spread=2.0, seed=1)
    rare = subset(table, (table.labels != 2) | (np.arange(400) % 8 == 0))
    recall = []
    for mode in ("none", "balanced"):
        final, _, _ = train(rare, settings(class_weight=mode))
        predicted = predict(final, new).argmax(axis=1)
        recall.append((predicted == 2)[new.labels == 2].mean())
    assert recall[1] > recall[0]


def test_the_default_batch_size_grows_with_the_images():
    sizes = [
        training.head_config(settings(batch_size=0), np.zeros(count, int)).batch_size
        for count in (100, 2000, 100_000)
    ]
    assert sizes == [32, 100, 256]
