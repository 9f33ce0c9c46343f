import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from classifier.similarity import nearest_neighbours
from classifier.similarity.pca import unit
from stages.inspect import outliers


@pytest.fixture
def values() -> np.ndarray:
    rng = np.random.default_rng(1)
    middles = 3 + rng.normal(size=(4, 8))
    return unit(middles[np.arange(200) % 4] + rng.normal(0, 0.3, (200, 8))).astype(np.float32)


def strangeness(values: np.ndarray, groups: np.ndarray | None = None) -> np.ndarray:
    groups = np.arange(len(values)) if groups is None else groups
    return outliers.outlier_scores(values, groups, len(values))


def test_it_is_the_mean_distance_to_the_nearest_compared_with_the_usual_one(values):
    search = NearestNeighbors(n_neighbors=5, metric="cosine").fit(values)
    far = search.kneighbors()[0].mean(axis=1)
    spread = 1.4826 * np.median(np.abs(far - np.median(far)))
    assert np.allclose(strangeness(values), (far - np.median(far)) / spread, atol=1e-2)


def test_a_image_like_no_other_is_strange_and_no_copies_of_it_hide_that(values):
    values[:6] = unit(np.array([[5.0, -5, 0, 0, 0, 0, 0, 5]]))
    groups = np.append(np.zeros(6, int), np.arange(1, 195))
    assert (strangeness(values, groups)[:6] > 5).all()
    assert (strangeness(values)[:6] < 0).all()


def test_images_that_are_no_neighbours_do_not_vouch_for_each_other(values):
    more = np.concatenate([values, np.repeat(-values[:1], 20, axis=0)])
    found = outliers.outlier_scores(more, np.arange(220), 200)
    assert (found[200:] > 5).all()
    assert np.array_equal(found[:200], strangeness(values))


def test_many_images_are_judged_by_those_in_like_cells(values, monkeypatch):
    before = strangeness(values)
    monkeypatch.setattr(nearest_neighbours, "EXACT", 100)
    monkeypatch.setattr(nearest_neighbours, "CELL", 50)
    assert np.corrcoef(before, strangeness(values))[0, 1] > 0.99


def test_of_few_images_nothing_is_said(values):
    assert not strangeness(values[:5]).any() and not strangeness(values[:0]).any()
