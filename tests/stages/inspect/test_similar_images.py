import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity

from classifier.similarity import nearest_neighbours
from classifier.similarity.pca import normalize
from stages.inspect import similar_images

VALUES = normalize(np.random.default_rng(1).normal(size=(120, 8))).astype(np.float32)
GROUPS = np.arange(120) // 3


def nearest(groups: np.ndarray, n_train: int = 100) -> np.ndarray:
    """Returns the nearest images by comparing all."""
    cosines = cosine_similarity(VALUES, VALUES[:n_train])
    cosines[groups[:, None] == groups[:n_train]] = -2
    return cosines.argmax(axis=1)


def test_the_nearest_training_image_of_another_group_is_found():
    found = similar_images.nearest_images(VALUES, GROUPS, 100)
    assert np.array_equal(found, nearest(GROUPS))
    assert (similar_images.nearest_images(VALUES, np.zeros(120, int), 100) == -1).all()


def test_searching_in_cells_finds_most_of_them(monkeypatch):
    monkeypatch.setattr(nearest_neighbours, "EXACT", 50)
    monkeypatch.setattr(nearest_neighbours, "CELL_SIZE", 20)
    found = similar_images.nearest_images(VALUES, GROUPS, 100)
    assert np.mean(found == nearest(GROUPS)) > 0.8


def test_the_cosine_is_scikit_learns():
    rng = np.random.default_rng(2)
    one, other, factors = rng.random((30, 5)), rng.random((40, 5)), rng.random(5)
    rows, others = np.array([3, 1, 29]), np.array([7, 7, 0])
    expected = cosine_similarity(one[rows] * factors, other[others] * factors).diagonal()
    found = similar_images.cosine(one, rows, other, others, factors)
    assert found == pytest.approx(expected)
    assert len(similar_images.cosine(one, rows[:0], other, others[:0], factors)) == 0
