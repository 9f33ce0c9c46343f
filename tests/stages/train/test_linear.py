import dataclasses
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from classifier.dataset.features import FeatureTable
from classifier.head import softmax
from stages.train import blocks, cross_validation, linear
from stages.train.cross_validation import Samples
from stages.train.plan import make_plan
from tests.stages.train.samples import clusters, settings

ALL = [((), slice(None))]


def positive(table: FeatureTable) -> FeatureTable:
    return dataclasses.replace(table, features=np.exp(table.features))


def train(table: FeatureTable, excluded=(), **changes: object):
    chosen = settings(**({"head": "discriminant", "folds": 5} | changes))
    plan = make_plan(table, np.arange(len(table.labels)), excluded, {}, chosen)
    images = table.features, np.arange(len(table.labels))[:, None], table.labels
    with ThreadPoolExecutor(2) as pool:
        trained = linear.train_and_validate(*images, plan, chosen, ALL, 3, pool)
    return plan, trained.final, trained.rounds, trained.random_correct


def accuracy(branch, table: FeatureTable) -> float:
    probabilities = branch.probabilities(table.features.astype(np.float64))
    return (probabilities.argmax(axis=1) == table.labels).mean()


def test_it_is_as_good_as_scikit_learns():
    table, new = positive(clusters()), positive(clusters(2000, seed=1))
    theirs = LinearDiscriminantAnalysis().fit(np.sqrt(table.features), table.labels)
    _, final, _, _ = train(table)
    assert accuracy(final, new) > theirs.score(np.sqrt(new.features), new.labels) - 0.01


def test_heads_of_the_folds_have_not_seen_their_images():
    """What the images of a fold show and are called must not matter."""
    table = positive(clusters())
    folds = np.arange(160) % 5 + 1
    wild = folds == 2
    branches = []
    for number in (0, 1):
        features = np.where(wild[:, None], number, table.features).astype(np.float32)
        labels = np.where(wild, number, table.labels)
        samples = Samples(np.arange(160)[:, None], labels, folds, np.ones(160, bool), np.ones(3))
        with ThreadPoolExecutor(2) as pool:
            [trained] = linear.train(["discriminant"], features, samples, ALL, pool, [0.5])
        kernels = [trained.fold_branches[fold].layers[0][0] for fold in (1, 2)]
        centred = [kernel - kernel.mean(axis=1, keepdims=True) for kernel in kernels]
        branches.append([kernel / np.linalg.norm(kernel) for kernel in centred])  # up to a factor
    assert branches[0][1] == pytest.approx(branches[1][1], abs=1e-4)
    assert branches[0][0] != pytest.approx(branches[1][0], abs=1e-2)


def test_excluded_images_do_not_train():
    table = positive(clusters())
    labels = table.labels.copy()
    labels[:60] = (labels[:60] + 1) % 3
    wrong = dataclasses.replace(table, labels=labels)
    new = positive(clusters(2000, seed=1))
    with_them, without = (train(wrong, excluded)[1] for excluded in ((), table.paths[:60].tolist()))
    assert accuracy(without, new) > accuracy(with_them, new)


def test_held_out_images_choose_nothing_and_then_train_too():
    table = positive(clusters())
    _, final, branches, _ = train(table, folds=0)
    _, alone, same, _ = train(table, folds=0, refit=False)
    assert (branches[1].layers[0][0] == same[1].layers[0][0]).all()
    assert (alone.layers[0][0] == same[1].layers[0][0]).all()
    assert not (final.layers[0][0] == alone.layers[0][0]).all()


def test_the_number_of_threads_changes_no_bit():
    table, weights = positive(clusters(400)), []
    for count in (1, 3):
        chosen = settings(head="discriminant", folds=5)
        plan = make_plan(table, np.arange(400), (), {}, chosen)
        images = table.features, np.arange(len(table.labels))[:, None], table.labels
        with ThreadPoolExecutor(count) as pool:
            trained = linear.train_and_validate(*images, plan, chosen, ALL, 3, pool)
        weights.append(trained.final.layers[0][0].tobytes())
    assert weights[0] == weights[1]


def test_blocks_change_nothing_but_rounding(monkeypatch):
    table, found = positive(clusters(400)), []
    for size in (16_384, 90):
        monkeypatch.setattr(blocks, "SIZE", size)
        _, final, rounds, _ = train(table)
        found.append([final.layers[0][0], rounds[3].layers[0][0]])
    assert np.array(found[0]) == pytest.approx(np.array(found[1]), rel=1e-3)


def test_few_judges_choose_about_the_same(monkeypatch):
    table, new = positive(clusters(2000, spread=2)), positive(clusters(2000, spread=2, seed=1))
    whole = accuracy(train(table)[1], new)
    monkeypatch.setattr(cross_validation, "JUDGES", 100)
    assert accuracy(train(table)[1], new) > whole - 0.02


def test_groups_of_copies_make_random_folds_too_good():
    rng = np.random.default_rng(0)
    table = positive(clusters(40, spread=4))
    features = np.repeat(table.features, 5, axis=0) * rng.normal(1, 0.01, (200, 6))
    columns = {name: np.repeat(getattr(table, name), 5) for name in ("labels", "splits", "views")}
    copies = dataclasses.replace(
        clusters(200),
        features=features.astype(np.float32),
        groups=np.repeat([f"scene {n}" for n in range(40)], 5),
        **columns,
    )
    plan, _, branches, torn = train(copies)
    right = [accuracy(branches[n], subset_of(copies, plan.rounds == n)) for n in range(1, 6)]
    assert torn.mean() > np.mean(right)


def subset_of(table: FeatureTable, images: np.ndarray) -> FeatureTable:
    return dataclasses.replace(table, features=table.features[images], labels=table.labels[images])


def test_balanced_class_weights_help_the_rare_class():
    table, new = positive(clusters(400, spread=2.0)), positive(clusters(2000, spread=2.0, seed=1))
    kept = (table.labels != 2) | (np.arange(400) % 8 == 0)
    names = ("features", "labels", "sha256", "paths", "groups", "splits", "views")
    rare = dataclasses.replace(table, **{name: vars(table)[name][kept] for name in names})
    recall = []
    for mode in ("none", "balanced"):
        branch = train(rare, class_weight=mode)[1]
        predicted = branch.probabilities(new.features.astype(float)).argmax(axis=1)
        recall.append((predicted == 2)[new.labels == 2].mean())
    assert recall[1] > recall[0]


@pytest.mark.parametrize("kind", ["discriminant", "logistic", "mean"])
def test_every_head_is_good(kind):
    table, new = positive(clusters()), positive(clusters(2000, seed=1))
    chosen = settings(head=kind, folds=5)
    plan = make_plan(table, np.arange(160), (), {}, chosen)
    images = table.features, np.arange(len(table.labels))[:, None], table.labels
    with ThreadPoolExecutor(2) as pool:
        trained = linear.train_and_validate(*images, plan, chosen, ALL, 3, pool)
    assert accuracy(trained.final, new) > 0.8
    logits = [np.log(one.branch.probabilities(new.features[:9] + 0.0)) for one in trained.parts]
    expected = softmax(np.mean(logits, axis=0))
    assert trained.final.probabilities(new.features[:9] + 0.0) == pytest.approx(expected)
