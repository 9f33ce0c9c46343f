import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.neighbors import NearestNeighbors

from classifier.common.scratch import Scratch
from classifier.similarity import nearest_neighbours
from classifier.similarity.pca import normalize
from stages.inspect import outliers, training_neighbours


@pytest.fixture
def values() -> np.ndarray:
    rng = np.random.default_rng(1)
    middles = 3 + rng.normal(size=(4, 8))
    return normalize(middles[np.arange(200) % 4] + rng.normal(0, 0.3, (200, 8))).astype(np.float32)


def scores(values: np.ndarray, groups: np.ndarray | None = None) -> np.ndarray:
    groups = np.arange(len(values)) if groups is None else groups
    return scores_of(values, groups, len(values))


def find(*args: Any) -> training_neighbours.TrainingNeighbours:
    with Scratch(Path(tempfile.gettempdir())) as scratch:
        found = training_neighbours.find(*args, scratch)
        return training_neighbours.TrainingNeighbours(found.distances[:], found.nearest[:])


def scores_of(values: np.ndarray, groups: np.ndarray, n_train: int) -> np.ndarray:
    found = find(values, groups, groups, n_train, np.arange(len(values)))
    return outliers.outlier_scores(found.distances, groups, n_train)


def test_the_score_is_the_mean_distance_to_the_nearest_in_robust_deviations(values):
    search = NearestNeighbors(n_neighbors=5, metric="cosine").fit(values)
    far = search.kneighbors()[0].mean(axis=1)
    spread = 1.4826 * np.median(np.abs(far - np.median(far)))
    assert np.allclose(scores(values), (far - np.median(far)) / spread, atol=1e-2)


def test_an_image_unlike_all_others_scores_high_even_if_it_has_copies(values):
    values[:20] = normalize(np.array([[5.0, -5, 0, 0, 0, 0, 0, 5]]))
    groups = np.append(np.zeros(20, int), np.arange(1, 181))
    assert (scores(values, groups)[:20] > 5).all()
    assert (scores(values)[:20] < 0).all()


def test_images_other_than_training_images_are_not_counted_as_neighbours(values):
    more = np.concatenate([values, np.repeat(-values[:1], 20, axis=0)])
    result = scores_of(more, np.arange(220), 200)
    assert (result[200:] > 5).all()
    assert np.array_equal(result[:200], scores(values))


def test_searching_in_cells_gives_nearly_the_same_scores(values, monkeypatch):
    before = scores(values)
    monkeypatch.setattr(nearest_neighbours, "EXACT", 100)
    monkeypatch.setattr(nearest_neighbours, "CELL_SIZE", 50)
    assert np.corrcoef(before, scores(values))[0, 1] > 0.99


def test_too_few_images_have_no_scores(values):
    assert not scores(values[:5]).any() and not scores(values[:0]).any()


VALUES = normalize(np.random.default_rng(1).normal(size=(120, 8))).astype(np.float32)
GROUPS = np.arange(120) // 3


def most_similar(groups: np.ndarray, n_train: int = 100) -> np.ndarray:
    """Returns the nearest images by comparing all."""
    cosines = cosine_similarity(VALUES, VALUES[:n_train])
    cosines[groups[:, None] == groups[:n_train]] = -2
    return cosines.argmax(axis=1)


def nearest(groups: np.ndarray, rank: np.ndarray | None = None) -> np.ndarray:
    rank = np.arange(120) if rank is None else rank
    return find(VALUES, np.arange(120), groups, 100, rank).nearest


def test_the_nearest_training_image_of_another_group_is_found():
    assert np.array_equal(nearest(GROUPS), most_similar(GROUPS))
    assert (nearest(np.zeros(120, int)) == -1).all()


def test_searching_in_cells_finds_most_of_them(monkeypatch):
    monkeypatch.setattr(nearest_neighbours, "EXACT", 50)
    monkeypatch.setattr(nearest_neighbours, "CELL_SIZE", 20)
    assert np.mean(nearest(GROUPS) == most_similar(GROUPS)) > 0.8
