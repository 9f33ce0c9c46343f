from dataclasses import dataclass

import numpy as np
import pytest

from classifier.similarity.pca import PCA
from stages.inspect import kept_axes

FEATURES = np.random.default_rng(7).normal(size=(60, 9)).astype(np.float32)


@dataclass
class Table:
    """The part of a FeatureTable that counts."""

    features: np.ndarray
    layer_sizes: np.ndarray


@pytest.mark.parametrize("change", ["", "features", "rows", "layers"])
def test_axes_are_computed_once_for_the_same_images(tmp_path, change, monkeypatch):
    table, rows = Table(FEATURES.copy(), np.array([9])), np.arange(0, 60, 2)
    first = kept_axes.fit(table, rows, tmp_path)
    if change == "features":
        table.features[2, 3] += 1
    elif change == "rows":
        rows = rows[::-1]
    elif change == "layers":
        table.layer_sizes = np.array([4, 5])
    else:
        table.features[1] += 1  # not one of the rows
        monkeypatch.setattr(PCA, "fit", None)  # must not be called
    again = kept_axes.fit(table, rows, tmp_path)
    assert np.array_equal(first.components, again.components) == (not change)
