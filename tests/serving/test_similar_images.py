import dataclasses

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from classifier.serving import similar_images
from classifier.serving.similar_images import SimilarImages
from tests.test_train import clusters


def test_neighbours_are_scikit_learns_by_cosine_from_the_mean():
    table = clusters(40)
    values = np.asarray(table.features, np.float64)
    centred = values - values.mean(axis=0)
    theirs = NearestNeighbors(n_neighbors=5, metric="cosine").fit(centred)
    distances, rows = theirs.kneighbors(centred[:7])
    for image in range(7):
        found = SimilarImages(table).nearest(values[image], 5)
        assert [one.path for one in found] == table.paths[rows[image]].tolist()
        assert [one.cosine for one in found] == pytest.approx(1 - distances[image], abs=1e-4)


def test_altered_copies_are_no_images():
    table = clusters(12)
    table = dataclasses.replace(table, views=np.arange(12, dtype=np.int32) % 2)
    found = SimilarImages(table).nearest(table.features[1], 12)
    assert {one.path for one in found} == set(table.paths[::2].tolist())


def test_axes_of_some_images_serve_all(monkeypatch):
    table = clusters(60)
    monkeypatch.setattr(similar_images, "LEARNED", 20)
    found = SimilarImages(table).nearest(table.features[59], 1)
    assert found[0].path == table.paths[59]
    assert found[0].label == table.class_names[table.labels[59]]
