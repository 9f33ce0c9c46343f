import csv
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.utils.class_weight import compute_class_weight

from classifier import head
from classifier.common.errors import StageError
from classifier.dataset import excluded, features, split
from classifier.dataset.features import Column, FeatureTable
from stages.train import stage as train
from stages.train import training_loop
from stages.train.stage import Params
from stages.train.training_loop import Examples

SETTINGS = Params(
    units=8,
    dropout=0.2,
    optimizer="adam",
    learning_rate=0.01,
    batch_size=16,
    epochs=40,
    patience=5,
    class_weight="none",
    validation_split=0.25,
    refit=True,
    seed=1,
    fine_tune_epochs=0,
    fine_tune_optimizer="sgd",
    fine_tune_learning_rate=0.01,
    fine_tune_momentum=0.9,
    fine_tune_batch_size=16,
    fine_tune_patience=5,
)


def settings(**changes: object) -> Params:
    return dataclasses.replace(SETTINGS, **changes)


def clusters(count: int = 160, spread: float = 1.0, seed: int = 0) -> FeatureTable:
    """Three Gaussian clusters in six dimensions, as if they were features."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, count).astype(np.int32)
    centres = np.random.default_rng(9).normal(0, 1.5, (3, 6))
    values = (centres[labels] + rng.normal(0, spread, (count, 6))).astype(np.float32)
    return FeatureTable(
        labels=labels,
        class_names=np.array(["a", "b", "c"]),
        sha256=np.array([f"{number:064x}" for number in rng.permutation(count)]),
        paths=np.array([f"input/train/{'abc'[k]}/{n:04}.jpg" for n, k in enumerate(labels)]),
        views=np.zeros(count, np.int32),
        learned=np.array([0], np.int32),
        averaged=np.array([0], np.int32),
        drawing=np.array(""),
        fingerprint=np.array("f" * 64),
        weights=np.array("random"),
        features=values,
    )


def folds(table: FeatureTable, chosen: Params) -> list[str]:
    return train.folds(table, np.arange(len(table.labels)), chosen)


def trained(table: FeatureTable, chosen: Params):
    validates = np.array(folds(table, chosen)) == "validation"
    lesson = train.Lesson(Examples.of(table.features, table.labels), None, Path(), 3)
    used, scored, (history, _) = train.train_twice(lesson, validates, chosen)
    return used.head, scored.head, history


def test_it_is_as_good_as_logistic_regression():
    table, new = clusters(), clusters(2000, seed=1)
    used, _, _ = trained(table, SETTINGS)
    ours = (used.predict(new.features, verbose=0).argmax(axis=1) == new.labels).mean()
    floor = LogisticRegression().fit(table.features, table.labels).score(new.features, new.labels)
    assert ours > floor - 0.02 > 0.8


def test_the_weights_of_the_best_epoch_are_kept():
    table, chosen = clusters(spread=2.5), settings(refit=False, learning_rate=0.05)
    used, scored, history = trained(table, chosen)
    validates = np.array(folds(table, chosen)) == "validation"
    held_out = (table.features[validates], table.labels[validates])
    scored.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    loss, accuracy = scored.evaluate(*held_out, verbose=0)
    best = train.best_epoch(history)
    assert len(history["val_loss"]) == best + chosen.patience < chosen.epochs
    assert loss == pytest.approx(min(history["val_loss"]), rel=1e-4)
    assert accuracy == pytest.approx(history["val_accuracy"][best - 1], rel=1e-4)
    assert used is scored


def test_refit_learns_from_the_validation_images_too():
    used, scored, _ = trained(clusters(), SETTINGS)
    other, again, _ = trained(clusters(), settings(refit=False))
    assert np.array_equal(scored.get_weights()[0], again.get_weights()[0])
    assert not np.array_equal(used.get_weights()[0], other.get_weights()[0])


def test_the_same_seed_gives_the_same_weights():
    def weights(seed: int) -> bytes:
        return trained(clusters(), settings(seed=seed))[0].get_weights()[0].tobytes()

    assert weights(1) == weights(1) != weights(2)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "rmsprop", "sgd"])
def test_every_optimizer_learns(optimizer):
    _, _, history = trained(clusters(), settings(optimizer=optimizer, learning_rate=0.02))
    assert history["loss"][-1] < history["loss"][0]


def test_no_units_is_a_head_of_one_layer():
    used, _, _ = trained(clusters(), settings(units=0))
    assert [layer.__class__.__name__ for layer in used.layers] == ["Dense"]
    assert [weights.shape for weights in used.get_weights()] == [(6, 3), (3,)]


def test_a_learning_rate_too_high_is_said():
    with pytest.raises(StageError, match=r"train.learning_rate must let the loss fall.*got 1e\+18"):
        trained(clusters(60), settings(optimizer="sgd", learning_rate=1e18))


def test_the_best_epoch_is_never_one_without_a_number():
    assert train.best_epoch({"val_loss": [1.0, 0.5, 0.6, float("nan")]}) == 2


def test_layers_are_dense_dropout_softmax():
    model = train.network(6, 3, settings(units=5, dropout=0.3))
    names = [layer.__class__.__name__ for layer in model.layers]
    assert names == ["Dense", "Dropout", "Dense"]
    first, dropout, last = model.layers
    assert (first.units, first.activation.__name__, dropout.rate) == (5, "relu", 0.3)
    assert (last.units, last.activation.__name__) == (3, "softmax")


def test_balanced_weights_are_scikit_learns():
    labels = np.array([0] * 10 + [1] * 3 + [2], np.int32)
    theirs = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    assert list(train.class_weights(labels, "balanced").values()) == pytest.approx(theirs)
    assert train.class_weights(labels, "none") is None


def test_balanced_weights_help_the_rare_class():
    table = clusters(400, spread=2.0)
    keep = (table.labels != 2) | (np.arange(400) % 8 == 0)
    per_image = ("features", "labels", "sha256", "paths", "views")
    changes = {name: vars(table)[name][keep] for name in per_image}
    rare = dataclasses.replace(table, **changes)
    new = clusters(2000, spread=2.0, seed=1)
    hits = []
    for mode in ("none", "balanced"):
        used, _, _ = trained(rare, settings(class_weight=mode))
        guess = used.predict(new.features, verbose=0).argmax(axis=1)
        hits.append((guess == 2)[new.labels == 2].mean())
    assert hits[1] > hits[0]


def test_the_users_own_validation_folder_decides_alone():
    table = clusters(6)
    paths = table.paths.copy()
    paths[2] = "input/validation/a/1.jpg"
    assert folds(dataclasses.replace(table, paths=paths), SETTINGS) == [
        "train",
        "train",
        "validation",
        "train",
        "train",
        "train",
    ]


def test_a_training_copy_of_a_validation_image_does_not_train():
    table = clusters(6)
    paths, sha256 = table.paths.copy(), table.sha256.copy()
    paths[2], sha256[4] = "input/validation/a/1.jpg", sha256[2]
    assert folds(dataclasses.replace(table, paths=paths, sha256=sha256), SETTINGS) == [
        "train",
        "train",
        "validation",
        "train",
        "validation",
        "train",
    ]


def test_names_and_order_of_the_images_have_no_say(inside):
    table = clusters(40)
    order = np.random.default_rng(1).permutation(40)
    renamed = np.array([f"input/train/{number}.jpg" for number in range(40)])
    mixed = {"paths": renamed}
    for name in ("features", "labels", "sha256", "views"):
        mixed[name] = vars(table)[name][order]
    weights = []
    for number, one in enumerate((table, dataclasses.replace(table, **mixed))):
        run(one, inside / str(number))
        weights.append((inside / str(number) / "head" / head.WEIGHTS).read_bytes())
    assert weights[0] == weights[1]


def run(table: FeatureTable, folder, left: dict[str, str] | None = None) -> None:
    columns = {name: Column.of(array) for name, array in vars(table).items()}
    features.write(folder / "train.npz", columns)
    excluded.write(folder / "left_out.csv", left or {})
    places = ("left_out.csv", "base", "head", "history.csv", "split.csv")
    train.main(folder / "train.npz", *(folder / place for place in places))


def test_the_stage_writes_what_it_promises(inside, set_param, capsys):
    set_param("train.epochs", 3)
    run(clusters(), inside)
    with (inside / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["epoch", "loss", "accuracy", "val_loss", "val_accuracy"]
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    about = json.loads((inside / "head" / "head.json").read_text())
    assert about["class_names"] == ["a", "b", "c"] and about["weights"] == "random"
    assert capsys.readouterr().out.startswith("train: 160 images, ")


def test_curves_can_be_watched_while_they_grow(tmp_path, monkeypatch):
    def epochs(count: int) -> int:
        live(dict.fromkeys(train.COLUMNS, [0.5] * count))
        return len(path.read_text().splitlines()) - 1

    path, now = tmp_path / "history.csv", [1000.0]
    monkeypatch.setattr(train.time, "monotonic", lambda: now[0])
    live = train.Live(path)
    assert epochs(1) == 1
    assert epochs(2) == 1  # not yet: writing must not cost more than learning
    now[0] += 1.5
    assert epochs(3) == 3


def test_what_is_left_out_neither_trains_nor_validates_and_moves_no_other(inside, capsys):
    table = clusters()
    run(table, inside / "all")
    left = dict.fromkeys(table.paths[:20].tolist(), "wrong_label")
    run(table, inside / "some", left)
    before, after = (split.read(inside / name / "split.csv") for name in ("all", "some"))
    assert {path for path, fold in after.items() if fold == split.EXCLUDED} == set(left)
    assert {path for path in before if before[path] != after[path]} == set(left)
    assert "train: 140 images (20 left out), " in capsys.readouterr().out


def test_a_head_that_left_images_out_is_that_of_a_folder_without_them(inside):
    table = clusters()
    run(table, inside / "left", dict.fromkeys(table.paths[100:].tolist(), "outlier"))
    names = ("features", "labels", "sha256", "paths", "views")
    fewer = dataclasses.replace(table, **{name: vars(table)[name][:100] for name in names})
    run(fewer, inside / "fewer")
    one, other = (
        (inside / name / "head" / head.WEIGHTS).read_bytes() for name in ("left", "fewer")
    )
    assert one == other


def test_views_of_a_validation_image_are_not_learned_from(inside, set_param, monkeypatch):
    table, seen = clusters(30), []
    columns = {
        name: np.repeat(vars(table)[name], 3, axis=0)
        for name in ("features", "labels", "sha256", "paths")
    }
    views = np.tile(np.array([0, 1, 2], np.int32), 30)
    learned = np.arange(3, dtype=np.int32)
    fit = training_loop.fit
    monkeypatch.setattr(training_loop, "fit", lambda *a, **_: seen.append(a[1:]) or fit(*a))
    set_param("train.refit", False)
    set_param("train.epochs", 1)
    run(dataclasses.replace(table, views=views, learned=learned, **columns), inside)
    ((data, _, validation, *_),) = seen
    assert data.views.shape[1] == 3
    images = set((data.views // 3).ravel().tolist())
    assert images.isdisjoint((validation.views // 3).ravel().tolist())
    assert len(images) + len(validation.labels) == 30


def test_a_class_of_which_all_images_validate_is_said(inside):
    table = clusters(12)
    paths, sha256 = table.paths.copy(), table.sha256.copy()
    of_a = np.flatnonzero(table.labels == 0)
    paths[of_a] = [f"input/validation/a/{number}.jpg" for number in of_a]
    with pytest.raises(StageError, match=r"input/train/a: needs images that are not in input/va"):
        run(dataclasses.replace(table, paths=paths, sha256=sha256), inside)


def test_fine_tuning_without_maps_is_refused(inside, set_param):
    set_param("train.fine_tune_epochs", 2)
    with pytest.raises(StageError, match=r"must be 0 where freeze.pooling is avg; got 2: set it"):
        run(clusters(), inside)
