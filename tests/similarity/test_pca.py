import numpy as np
import pytest
from sklearn import decomposition

from classifier.similarity import pca
from classifier.similarity.pca import PCA, normalize


def random_features(count: int = 300, size: int = 20) -> np.ndarray:
    rng = np.random.default_rng(1)
    return (rng.normal(size=(count, size)) @ rng.normal(size=(size, size)) + 3).astype(np.float32)


@pytest.mark.parametrize("size", [20, 700], ids=["more images", "more dimensions"])
def test_it_agrees_with_scikit_learn(size):
    values, rows = random_features(size=size), np.arange(300)
    oracle = decomposition.PCA(15, svd_solver="full").fit(values.astype(np.float64))
    ours = PCA.fit(values, rows, 15)
    signs = np.sign((ours.components * oracle.components_).sum(axis=1, keepdims=True))
    assert np.allclose(ours.components, signs * oracle.components_, atol=1e-8)
    assert np.allclose(ours.scales**2, oracle.explained_variance_ * 299 / 300)
    expected = oracle.transform(values.astype(np.float64)) * signs.T
    assert np.allclose(ours.transform(values, rows), expected, rtol=1e-4, atol=1e-4)


def test_sums_of_chunks_are_the_covariance_whatever_the_number_of_cores(monkeypatch):
    values = random_features(1200, 30).astype(np.float64) + np.arange(30) * 100
    monkeypatch.setattr(pca, "BLOCK", 7)
    mean, covariance = pca._moments(values, np.arange(1200))
    assert np.allclose(mean, values.mean(axis=0), rtol=1e-12)
    assert np.allclose(covariance, np.cov(values.T, bias=True), rtol=1e-9)
    monkeypatch.setattr(pca.cores, "count", lambda: 7)
    assert np.array_equal(covariance, pca._moments(values, np.arange(1200))[1])


def test_both_eigenproblems_have_the_same_solution():
    few = random_features(40, 41)  # the smaller matrix is (40, 40) here, (41, 41) below
    twice = np.concatenate([few, few])
    one, two = PCA.fit(few, np.arange(40), 10), PCA.fit(twice, np.arange(80), 10)
    assert np.allclose(np.abs((one.components * two.components).sum(axis=1)), 1)
    assert np.allclose(one.scales, two.scales)


def test_only_the_requested_rows_are_used():
    values = random_features()
    more = np.concatenate([values, 100 * random_features()])
    one, other = (PCA.fit(v, np.arange(0, 300, 2), 5) for v in (values, more))
    assert np.array_equal(one.components, other.components)


@pytest.mark.parametrize("size", [20, 700], ids=["more images", "more dimensions"])
def test_each_layer_has_the_same_variance(size):
    values, rows, sizes = (
        random_features(size=size).astype(np.float64),
        np.arange(300),
        [5, size - 5],
    )
    balanced = np.concatenate(
        [part / np.sqrt(part.var(axis=0).sum()) for part in np.split(values, sizes[:1], axis=1)],
        axis=1,
    )
    oracle = decomposition.PCA(5, svd_solver="full").fit(balanced)
    values[:, :5] *= 1000  # the scale of a layer has no effect
    ours = PCA.fit(values, rows, 5, sizes)
    signs = np.sign((ours.components * oracle.components_).sum(axis=1))
    expected = oracle.transform(balanced) * signs
    assert np.allclose(ours.transform(values, rows), expected, atol=1e-5)
    images = normalize(ours.add_mean(ours.transform(values, rows)))
    assert images.shape == (300, 6)


def test_large_eigenproblems_use_a_part_of_the_images(monkeypatch):
    values = random_features(100, 50)
    monkeypatch.setattr(pca, "MAX_SIDE", 40)
    ours, third = PCA.fit(values, np.arange(100)), PCA.fit(values[::3], np.arange(34))
    assert np.array_equal(ours.components, third.components)


def test_maps_are_averaged():
    maps = np.random.default_rng(2).normal(size=(50, 3, 4, 6)).astype(np.float16)
    means = maps.astype(np.float64).mean(axis=(1, 2))
    rows = np.arange(50)
    one, other = PCA.fit(maps, rows, 4), PCA.fit(means, rows, 4)
    assert np.allclose(one.transform(maps, rows), other.transform(means, rows), atol=1e-5)


@pytest.mark.parametrize(("count", "components"), [(1, 1), (3, 2), (25, 20)])
def test_few_images_have_few_components(count, components):
    assert PCA.fit(random_features(count), np.arange(count)).components.shape == (components, 20)


def test_components_are_orthonormal_even_where_images_are_equal():
    values = np.repeat(random_features(2), 5, axis=0)
    components = PCA.fit(values, np.arange(10)).components
    assert np.allclose(components @ components.T, np.eye(9))


def test_cosines_to_the_origin_survive_the_mean_added_back():
    values, rows = random_features(30, 40), np.arange(30)
    model = PCA.fit(values, rows)
    short = normalize(model.add_mean(model.transform(values, rows)))
    assert np.allclose(short @ short.T, normalize(values) @ normalize(values).T, atol=1e-5)
