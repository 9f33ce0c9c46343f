import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity

from stages.inspect import similar_images


@pytest.mark.parametrize("pairs", [2, 2048])
def test_the_cosine_is_scikit_learns(pairs, monkeypatch):
    monkeypatch.setattr(similar_images, "PAIRS", pairs)
    rng = np.random.default_rng(2)
    one, other, factors = rng.random((30, 5)), rng.random((40, 5)), rng.random(5)
    rows, others = np.array([3, 1, 29]), np.array([7, 7, 0])
    expected = cosine_similarity(one[rows] * factors, other[others] * factors).diagonal()
    found = similar_images.cosine(one, rows, other, others, factors)
    assert found == pytest.approx(expected)
    assert len(similar_images.cosine(one, rows[:0], other, others[:0], factors)) == 0
