import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from classifier.similarity import nearest_neighbours
from classifier.similarity.pca import normalize
from stages.inspect import outliers


@pytest.fixture
def values() -> np.ndarray:
    rng = np.random.default_rng(1)
    middles = 3 + rng.normal(size=(4, 8))
    return normalize(middles[np.arange(200) % 4] + rng.normal(0, 0.3, (200, 8))).astype(np.float32)


def scores(values: np.ndarray, groups: np.ndarray | None = None) -> np.ndarray:
    groups = np.arange(len(values)) if groups is None else groups
    return outliers.outlier_scores(values, groups, len(values))


def test_the_score_is_the_mean_distance_to_the_nearest_in_robust_deviations(values):
    search = NearestNeighbors(n_neighbors=5, metric="cosine").fit(values)
    far = search.kneighbors()[0].mean(axis=1)
    spread = 1.4826 * np.median(np.abs(far - np.median(far)))
    assert np.allclose(scores(values), (far - np.median(far)) / spread, atol=1e-2)


def test_an_image_unlike_all_others_scores_high_even_if_it_has_copies(values):
    values[:6] = normalize(np.array([[5.0, -5, 0, 0, 0, 0, 0, 5]]))
    groups = np.append(np.zeros(6, int), np.arange(1, 195))
    assert (scores(values, groups)[:6] > 5).all()
    assert (scores(values)[:6] < 0).all()


def test_images_other_than_training_images_are_not_counted_as_neighbours(values):
    more = np.concatenate([values, np.repeat(-values[:1], 20, axis=0)])
    result = outliers.outlier_scores(more, np.arange(220), 200)
    assert (result[200:] > 5).all()
    assert np.array_equal(result[:200], scores(values))


def test_searching_in_cells_gives_nearly_the_same_scores(values, monkeypatch):
    before = scores(values)
    monkeypatch.setattr(nearest_neighbours, "EXACT", 100)
    monkeypatch.setattr(nearest_neighbours, "CELL_SIZE", 50)
    assert np.corrcoef(before, scores(values))[0, 1] > 0.99


def test_too_few_images_have_no_scores(values):
    assert not scores(values[:5]).any() and not scores(values[:0]).any()
