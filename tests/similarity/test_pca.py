import numpy as np
from sklearn.decomposition import PCA

from classifier.similarity import pca


def features(count: int = 300, size: int = 20) -> np.ndarray:
    rng = np.random.default_rng(1)
    return (rng.normal(size=(count, size)) @ rng.normal(size=(size, size)) + 3).astype(np.float32)


def test_it_is_scikit_learns_principal_components():
    values = features()
    found, oracle = pca.fit(values, np.arange(300), 5), PCA(5).fit(values)
    ours, theirs = found.of(values, np.arange(300)), oracle.transform(values)
    assert np.allclose(np.abs(ours), np.abs(theirs), atol=1e-3)  # an axis may point either way
    assert np.allclose(found.scales**2, oracle.explained_variance_ * 299 / 300, rtol=1e-4)


def test_only_the_rows_asked_for_have_a_say():
    values = features()
    more = np.concatenate([values, 100 * features()])
    one, other = (pca.fit(v, np.arange(0, 300, 2), 5) for v in (values, more))
    assert np.array_equal(one.axes, other.axes)


def test_maps_are_averaged():
    maps = np.random.default_rng(2).normal(size=(50, 3, 4, 6)).astype(np.float16)
    means = maps.astype(np.float64).mean(axis=(1, 2))
    rows = np.arange(50)
    one, other = pca.fit(maps, rows, 4), pca.fit(means, rows, 4)
    assert np.allclose(one.of(maps, rows), other.of(means, rows), atol=1e-5)


def test_few_images_have_few_axes():
    assert pca.fit(features(3), np.arange(3)).axes.shape == (20, 2)
    assert pca.fit(features(1), np.arange(1)).axes.shape == (20, 1)
