import numpy as np
from sklearn.metrics import adjusted_rand_score

from classifier.labelling import clusters
from tests.labelling.blobs import blobs


def test_points_that_lie_apart_are_clusters():
    points, classes = blobs()
    assert adjusted_rand_score(classes, clusters.k_means(points, 4, seed=0)) == 1


def test_the_nearest_centre_is_that_of_all_distances():
    points, _ = blobs()
    labels, squares = clusters.nearest(points, points[:7])
    distances = np.linalg.norm(points[:, None] - points[None, :7], axis=2)
    assert (labels == distances.argmin(axis=1)).all()
    np.testing.assert_allclose(squares, distances.min(axis=1) ** 2, atol=1e-3)


def test_copies_of_one_point_are_clustered_too():
    labels = clusters.k_means(np.ones((9, 3), np.float32), 4, seed=0)
    assert labels.shape == (9,) and labels.max() < 4
