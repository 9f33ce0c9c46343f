import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from classifier.discriminant import Coordinates, Moments
from classifier.head import softmax

ROWS = np.arange(90)


def sample(n_features: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, 90)
    values = rng.gamma(2, 0.5, (90, n_features)) + rng.random((3, n_features))[labels]
    return values.astype(np.float32), labels


@pytest.mark.parametrize("n_features", [12, 400])
@pytest.mark.parametrize("shrinkage", [0.1, 0.6])
@pytest.mark.parametrize("power", [1, 0.5])
def test_it_is_scikit_learns(n_features, shrinkage, power):
    """With more images than features, and in fewer dimensions with fewer images."""
    values, labels = sample(n_features)
    theirs = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage)
    expected = theirs.fit(values**power, labels).predict_proba(values**power)
    coordinates = Coordinates.of(values, ROWS, slice(None), power)
    assert coordinates.size == min(n_features, 90)
    layer = coordinates.fit(coordinates.moments(ROWS, labels, 3), shrinkage, balance=0)
    kernel, bias = coordinates.on_features(layer)
    assert softmax(values**power @ kernel + bias) == pytest.approx(expected, abs=2e-4)
    assert softmax(coordinates.logits(ROWS, layer)) == pytest.approx(expected, abs=2e-4)


def test_equal_images_span_the_dimensions_of_one():
    values = np.vstack([np.tile(sample(400)[0], (2, 1)), sample(400, seed=1)[0]])
    rows = np.arange(180)
    coordinates = Coordinates.of(values, rows, slice(None), 0.5)
    assert coordinates.size == 90
    centred = np.sqrt(values[rows]) - coordinates.mean
    found = coordinates[rows]
    assert found @ found.T == pytest.approx(centred @ centred.T, abs=1e-4)
    assert coordinates[np.arange(270)][rows] == pytest.approx(found, abs=1e-5)  # others as well


def test_the_balance_makes_the_distances_of_the_classes_equal():
    values, labels = sample(12)
    coordinates = Coordinates.of(values, ROWS, slice(None), 0.5)
    moments = coordinates.moments(ROWS, labels, 3)
    offsets = (moments.means - moments.means.mean(axis=0)).T
    kernels = [coordinates.fit(moments, 0.3, balance=balance)[0] for balance in (0, 0.5, 1)]
    ratios = [kernel[0] / kernels[0][0] for kernel in kernels]
    assert np.sqrt(ratios[2]) == pytest.approx(ratios[1])
    squares = (offsets * kernels[0]).sum(axis=0) * ratios[2] ** 2
    assert squares == pytest.approx(squares.mean())


def test_a_class_without_images_changes_no_other():
    values, labels = sample(12)
    coordinates = Coordinates.of(values, ROWS, slice(None), 0.5)
    layers = [coordinates.fit(coordinates.moments(ROWS, labels, n), 0.3) for n in (3, 4)]
    logits = [coordinates.logits(ROWS, layer) for layer in layers]
    assert logits[1][:, :3] == pytest.approx(logits[0], abs=1e-4)
    assert softmax(logits[1])[:, 3].max() < 1e-4


@pytest.mark.parametrize("n_features", [12, 400])
@pytest.mark.parametrize("shrinkage", [0.02, 0.9])
def test_classes_of_equal_images_are_told_apart(n_features, shrinkage):
    values, labels = sample(n_features)
    values = values[[np.flatnonzero(labels == k)[0] for k in labels]]
    coordinates = Coordinates.of(values, ROWS, slice(None), 0.5)
    whole, part = (coordinates.moments(r, labels[r], 3) for r in (ROWS, ROWS[:30]))
    logits = coordinates.logits(ROWS, coordinates.fit(whole.without(part), shrinkage))
    assert (logits.argmax(axis=1) == labels).all()


def test_moments_without_a_part_are_those_of_the_rest():
    values, labels = sample(12)
    coordinates = Coordinates.of(values, ROWS, slice(None), 0.5)
    whole, part, rest = (
        coordinates.moments(rows, labels[rows], 3) for rows in (ROWS, ROWS[:20], ROWS[20:])
    )
    for name, array in vars(whole.without(part)).items():
        assert array == pytest.approx(getattr(rest, name), abs=1e-4)


def test_features_that_are_not_used_have_no_weight():
    values, labels = sample(12)
    coordinates = Coordinates.of(values, ROWS, slice(3, 8), 1)
    layer = coordinates.fit(coordinates.moments(ROWS, labels, 3), 0.5)
    kernel, bias = coordinates.on_features(layer)
    assert kernel.shape == (12, 3)
    assert not kernel[:3].any() and not kernel[8:].any()
    logits = coordinates.logits(ROWS, layer)
    assert values @ kernel + bias == pytest.approx(logits, abs=1e-4)


def test_class_weights_are_factors_of_the_priors():
    values, labels = sample(12)
    coordinates = Coordinates.of(values, ROWS, slice(None), 1)
    moments = coordinates.moments(ROWS, labels, 3)
    (kernel, bias), (same, weighted) = (
        coordinates.fit(moments, 0.5, weights) for weights in (1.0, np.array([1, 2, 4]))
    )
    assert (kernel == same).all()
    gain = weighted - bias
    assert gain - gain[0] == pytest.approx(np.log([1, 2, 4]))


def test_means_of_fractions_of_rows_are_weighted_means():
    values, weights = sample(12)[0], np.full((90, 1), 0.005)
    sums = np.stack([(weights * values).sum(axis=0), np.zeros(12)])
    moments = Moments(np.array([weights.sum(), 0]), sums, values.T @ values)
    assert moments.means == pytest.approx(np.stack([values.mean(axis=0), np.zeros(12)]))
