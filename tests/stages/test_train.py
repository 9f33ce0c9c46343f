import dataclasses
import json

import numpy as np
import pytest

from classifier import head
from classifier.common import files
from classifier.common.errors import StageError
from classifier.dataset import split
from tests.stages.train.samples import PER_IMAGE, clusters, run_stage, subset


@pytest.fixture(autouse=True)
def few_epochs(set_param):
    set_param("train.epochs", 3)


def final_weights(folder) -> bytes:
    return (folder / "head" / f"{head.FINAL}.weights.h5").read_bytes()


def test_the_stage_writes_what_it_promises(inside, capsys):
    run_stage(clusters(), inside)
    assert [row["epoch"] for row in files.read_csv(inside / "history.csv")] == ["1", "2", "3"]
    info = json.loads((inside / "head" / "head.json").read_text())
    assert info["class_names"] == ["a", "b", "c"] and info["weights"] == "random"
    assert info["train_images"] == 160
    splits = list(split.read(inside / "split.csv").values())
    line = f"train: 160 images, {splits.count('validation')} of them for validation, 3 epochs, best"
    assert capsys.readouterr().out.startswith(line)


def test_excluded_images_are_listed_and_counted(inside, capsys):
    table = clusters()
    left_out = dict.fromkeys(table.paths[:20].tolist(), "wrong_label")
    run_stage(table, inside, left_out)
    splits = split.read(inside / "split.csv")
    assert {path for path in splits if splits[path] == split.EXCLUDED} == set(left_out)
    assert "train: 140 images (20 excluded), " in capsys.readouterr().out


def test_excluding_images_is_the_same_as_removing_them(inside):
    table = clusters()
    run_stage(table, inside / "excluded", dict.fromkeys(table.paths[100:].tolist(), "outlier"))
    run_stage(subset(table, slice(100)), inside / "removed")
    assert final_weights(inside / "excluded") == final_weights(inside / "removed")


def test_names_and_order_of_the_images_do_not_influence_the_weights(inside):
    table = clusters(40)
    shuffled = subset(table, np.random.default_rng(1).permutation(40))
    paths = np.array([f"input/train/{number}.jpg" for number in range(40)])
    run_stage(table, inside / "before")
    run_stage(dataclasses.replace(shuffled, paths=paths), inside / "after")
    assert final_weights(inside / "before") == final_weights(inside / "after")


def test_augmented_copies_of_validation_images_are_not_trained_on(inside, set_param):
    """What they show must not matter: every copy of a validation image is made a wild one."""
    set_param("train.refit", False)
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
