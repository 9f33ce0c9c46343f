import numpy as np
import pytest
from sklearn.covariance import shrunk_covariance
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score

from classifier import novelty


def sample(seed: int = 0, offset: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Returns 90 images of three classes, float64 (90, 40), and their labels."""
    rng = np.random.default_rng(seed)
    labels = np.arange(90) % 3
    means = np.random.default_rng(9).normal(size=(3, 40)) * 3
    return means[labels] + rng.normal(size=(90, 40)) + offset * rng.normal(size=40), labels


@pytest.fixture(scope="module")
def fitted() -> novelty.Novelty:
    one = novelty.fit(*sample())
    return one.calibrated(one.measures(sample(1)[0]))


def test_measures_are_those_of_scikit_learns_pca_and_covariance(fitted):
    (train, labels), (new, _) = sample(), sample(2, 1)
    pca = PCA(20, svd_solver="full").fit(train)
    inside, other = pca.transform(train), pca.transform(new)
    means = np.stack([inside[labels == k].mean(axis=0) for k in range(3)])
    residuals = inside - means[labels]
    precision = np.linalg.inv(shrunk_covariance(residuals.T @ residuals / 90, 0.1))

    def distances(centre: np.ndarray) -> np.ndarray:
        return np.einsum("ni,ij,nj->n", other - centre, precision, other - centre)

    nearest = np.min([distances(mean) for mean in means], axis=0)
    lost = ((new - pca.inverse_transform(other)) ** 2).sum(axis=1)
    share = lost / ((new - train.mean(axis=0)) ** 2).sum(axis=1)
    expected = np.log([nearest, share, nearest / distances(np.zeros(20))]).T
    assert fitted.measures(new) == pytest.approx(expected, rel=1e-5, abs=1e-5)


def test_known_images_have_mean_0_and_deviation_1(fitted):
    scores = fitted.score(sample(1)[0])
    assert scores.mean() == pytest.approx(0, abs=1e-9)
    assert scores.std() == pytest.approx(1)


@pytest.mark.parametrize("keep", [0.5, 0.9, 0.99])
def test_the_threshold_keeps_its_share_of_known_images(fitted, keep):
    kept = fitted.score(sample(1)[0]) <= fitted.threshold(keep)
    assert kept.mean() == pytest.approx(keep, abs=0.012)
    assert fitted.threshold(1) == np.inf


def test_images_far_from_all_classes_are_told_apart(fitted):
    known, other = fitted.score(sample(3)[0]), fitted.score(sample(4, 4)[0])
    assert roc_auc_score([0] * 90 + [1] * 90, [*known, *other]) > 0.99


def test_files_hold_the_score(fitted, tmp_path):
    novelty.write(tmp_path, fitted)
    again = novelty.read(tmp_path)
    assert again is not None
    assert again.score(sample(5)[0]) == pytest.approx(fitted.score(sample(5)[0]), abs=1e-4)
    assert novelty.read(tmp_path / "nowhere") is None


def test_a_sample_has_images_of_every_class(monkeypatch):
    labels = np.array([0] * 5000 + [1] * 3 + [2] * 40)
    counts = np.bincount(labels[novelty.sample(labels, labels >= 0)])
    assert counts.tolist() == [625, 3, 40]
    few = novelty.sample(labels, np.arange(5043) >= 4990)
    assert few.tolist() == list(range(4990, 5043))


@pytest.mark.parametrize("shape", [(2, 8), (4, 3), (6, 40)])
def test_few_or_equal_images_give_a_finite_score(shape):
    vectors = np.zeros(shape)
    one = novelty.fit(vectors, np.arange(shape[0]) % 2)
    one = one.calibrated(one.measures(vectors[:1]))
    assert np.isfinite(one.score(np.ones(shape))).all()
