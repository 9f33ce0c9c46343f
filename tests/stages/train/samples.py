"""Small feature tables and settings to train with."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from classifier.dataset import excluded, near_duplicates
from classifier.dataset.features import FeatureTable, binary_hashes
from stages.train import stage
from stages.train.params import Params
from tests import feature_tables

PER_IMAGE = ("features", "labels", "sha256", "paths", "groups", "splits", "views")
SETTINGS = Params(
    head="dense",
    most=0,
    layers="auto",
    folds=0,
    learning_curve=True,
    hidden_units=8,
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
        features=values,
        labels=labels,
        class_names=np.array(["a", "b", "c"]),
        sha256=binary_hashes(f"{number:064x}" for number in rng.permutation(count)),
        paths=np.array([f"input/train/{'abc'[k]}/{n:04}.jpg" for n, k in enumerate(labels)]),
        groups=np.full(count, ""),
        splits=np.full(count, "train", "<U10"),
        views=np.zeros(count, np.int32),
        train_views=np.array([0], np.int32),
        tta_views=np.array([0], np.int32),
        augmentation_id=np.array(""),
        grey_ranges=np.array(""),
        fingerprint=np.array("f" * 64),
        weights=np.array("random"),
        layers=np.array(["mixed10"]),
        layer_sizes=np.array([6], np.int32),
    )


def subset(table: FeatureTable, images: np.ndarray | slice) -> FeatureTable:
    """Returns the table of some images."""
    return dataclasses.replace(table, **{name: vars(table)[name][images] for name in PER_IMAGE})


def run_stage(
    table: FeatureTable,
    folder: Path,
    left_out: dict[str, str] | None = None,
    ends: Sequence[int] = (),
) -> None:
    """Runs the stage on a table of parts that end before rows; all its files lie in `folder`."""
    feature_tables.write(folder / "train", table, ends)
    excluded.write(folder / "excluded.csv", sorted((left_out or {}).items()))
    near_duplicates.write(folder / "copies.csv", [])
    names = ("train", "excluded.csv", "copies.csv", "base", "head", "history.csv", "split.csv")
    stage.main(*(folder / name for name in (*names, "predictions.npz")))
