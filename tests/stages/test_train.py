import dataclasses

import numpy as np
import pytest

from classifier import head
from classifier.common import disk_array, files
from classifier.common.errors import StageError
from classifier.dataset import orders, split, validation_predictions
from stages.train import draw
from tests.stages.train.samples import PER_IMAGE, clusters, run_stage, subset


def final_weights(folder) -> bytes:
    return (folder / "head" / head.LAYERS).read_bytes()


def test_the_stage_writes_what_it_promises(inside, capsys):
    run_stage(clusters(), inside)
    info = head.read_info(inside / "head")
    assert (info.class_names, info.weights) == (("a", "b", "c"), "random")
    assert (info.train_images, info.head, len(info.strength)) == (160, "mean", 2)
    assert files.read_csv(inside / "history.csv") == []
    splits = files.read_csv(inside / "split.csv")
    assert {row["split"] for row in splits} == {"train"}
    assert {row["fold"] for row in splits} == set("12345")
    line = "train: 160 images, mean on mixed10, strength 0."
    out = capsys.readouterr().out
    assert out.startswith(line) and "; 5-fold validation accuracy 0." in out


def test_out_of_fold_predictions_are_of_all_images_in_path_order(inside, capsys):
    table = clusters()
    run_stage(table, inside)
    predictions = validation_predictions.read(inside / "predictions.npz")
    assert predictions.paths[:].tolist() == sorted(table.paths.tolist())
    order = np.argsort(table.paths)
    assert (predictions.labels[:] == table.labels[order]).all()
    correct = predictions.probabilities[:].argmax(axis=1) == predictions.labels[:]
    assert f"validation accuracy {correct.mean():.3f} ->" in capsys.readouterr().out
    final = head.read(inside / "head").probabilities(table.features[order])
    assert 0.8 < correct.mean() <= (final.argmax(axis=1) == predictions.labels[:]).mean() + 0.02


def test_a_table_of_many_parts_gives_the_same_files(inside, monkeypatch):
    table = clusters()
    part = np.argsort(np.argsort(table.sha256)) // 40
    run_stage(table, inside / "one")
    for module, name, size in (
        (orders, "BLOCK", 30),
        (draw, "BLOCK", 30),
        (disk_array, "SMALL", 0),
    ):
        monkeypatch.setattr(module, name, size)  # as of many images
    run_stage(subset(table, np.lexsort((table.paths, part))), inside / "four", ends=(40, 80, 120))
    for name in (f"head/{head.LAYERS}", "head/novelty.npz", "split.csv", "predictions.npz"):
        assert (inside / "four" / name).read_bytes() == (inside / "one" / name).read_bytes()


def test_images_of_input_validation_alone_are_scored(inside, capsys):
    table = clusters()
    splits = np.where(np.arange(160) % 4 == 0, "validation", "train")
    run_stage(dataclasses.replace(table, splits=splits), inside)
    predictions = validation_predictions.read(inside / "predictions.npz")
    assert len(predictions.paths) == 40 and set(predictions.folds[:].tolist()) == {0}
    assert "; 40 held out, validation accuracy " in capsys.readouterr().out


def test_a_dense_head_has_a_history(inside, set_param, capsys):
    for name, value in {"head": "dense", "epochs": 3, "folds": 2}.items():
        set_param(f"train.{name}", value)
    run_stage(clusters(), inside)
    assert [row["epoch"] for row in files.read_csv(inside / "history.csv")] == ["1", "2", "3"]
    assert head.read_info(inside / "head").head == "dense"
    line = "train: 160 images, dense, 3 epochs; 2-fold validation accuracy 0."
    assert capsys.readouterr().out.startswith(line)


def test_probabilities_of_a_dense_head_are_calibrated(inside, set_param):
    for name, value in {"head": "dense", "epochs": 60, "folds": 2, "patience": 60}.items():
        set_param(f"train.{name}", value)
    set_param("train.learning_rate", 0.1)
    run_stage(clusters(300, spread=3), inside)
    predictions = validation_predictions.read(inside / "predictions.npz")
    confidence = predictions.probabilities[:].max(axis=1)
    correct = predictions.probabilities[:].argmax(axis=1) == predictions.labels[:]
    assert abs(confidence.mean() - correct.mean()) < 0.05


def test_excluded_images_are_listed_and_counted_and_scored(inside, capsys):
    table = clusters()
    left_out = dict.fromkeys(table.paths[:20].tolist(), "wrong_label")
    run_stage(table, inside, left_out)
    splits = split.read(inside / "split.csv")
    assert {path for path in splits if splits[path] == split.EXCLUDED} == set(left_out)
    assert "train: 140 images (20 excluded), " in capsys.readouterr().out
    assert set(validation_predictions.read(inside / "predictions.npz").paths[:]) == set(table.paths)


def test_images_that_most_leaves_out_are_neither_used_nor_listed(inside, set_param, capsys):
    set_param("train.most", 100)
    table = clusters()
    run_stage(table, inside)
    used = split.read(inside / "split.csv")
    assert len(used) == 100 == head.read_info(inside / "head").train_images
    assert "train: 100 images (60 left out by train.most), " in capsys.readouterr().out
    predictions = validation_predictions.read(inside / "predictions.npz")
    assert predictions.paths[:].tolist() == list(used)


def test_what_excluded_images_show_does_not_matter(inside):
    table = clusters()
    left_out = dict.fromkeys(table.paths[100:].tolist(), "outlier")
    features = table.features.copy()
    features[100:] = 1000
    run_stage(table, inside / "before", left_out)
    run_stage(dataclasses.replace(table, features=features), inside / "after", left_out)
    assert final_weights(inside / "before") == final_weights(inside / "after")


@pytest.mark.parametrize("kind", ["auto", "dense"])
def test_names_and_order_of_the_images_do_not_influence_the_weights(inside, kind, set_param):
    set_param("train.head", kind)
    set_param("train.epochs", 2)
    set_param("train.folds", 2)
    table = clusters(40)
    shuffled = subset(table, np.random.default_rng(1).permutation(40))
    paths = np.array([f"input/train/{number:02}.jpg" for number in range(40)])
    run_stage(table, inside / "before")
    run_stage(dataclasses.replace(shuffled, paths=paths), inside / "after")
    assert final_weights(inside / "before") == final_weights(inside / "after")


@pytest.mark.parametrize("kind", ["auto", "dense"])
def test_augmented_copies_of_validation_images_are_not_trained_on(inside, kind, set_param):
    """What they show must not matter: every copy of a validation image is made a wild one."""
    for name, value in {"head": kind, "epochs": 2, "folds": 0, "refit": False}.items():
        set_param(f"train.{name}", value)
    table = clusters(30)
    columns = {name: np.repeat(vars(table)[name], 3, axis=0) for name in PER_IMAGE}
    columns["views"] = np.tile(np.array([0, 1, 2], np.int32), 30)
    table = dataclasses.replace(table, train_views=np.arange(3, dtype=np.int32), **columns)
    run_stage(table, inside / "before")
    splits = split.read(inside / "before" / "split.csv")
    validates = np.array([splits[path] == "validation" for path in table.paths])
    for wild, rows in (("validation", validates), ("train", ~validates)):
        values = np.where((rows & (table.views > 0))[:, None], 1000, table.features)
        run_stage(dataclasses.replace(table, features=values.astype(np.float32)), inside / wild)
    assert final_weights(inside / "validation") == final_weights(inside / "before")
    assert final_weights(inside / "train") != final_weights(inside / "before")


def test_fine_tuning_without_maps_is_an_error(inside, set_param):
    set_param("train.fine_tune_epochs", 2)
    with pytest.raises(StageError, match=r"must be 0 where freeze.pooling is avg; got 2: set it"):
        run_stage(clusters(), inside)
