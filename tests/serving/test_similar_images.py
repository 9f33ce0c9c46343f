import dataclasses

import numpy as np
from sklearn.neighbors import NearestNeighbors

from classifier.serving import similar_images
from classifier.serving.similar_images import SimilarImages
from tests.stages.train.samples import clusters


def test_similar_images_are_the_neighbours_that_scikit_learn_finds():
    table = clusters(40)
    values = np.asarray(table.features, np.float64)
    centred = values - values.mean(axis=0)
    theirs = NearestNeighbors(n_neighbors=5, metric="cosine").fit(centred)
    rows = theirs.kneighbors(centred[:7], return_distance=False)
    for image in range(7):
        nearest = SimilarImages(table).nearest(values[image], 5)
        assert [path for path, _ in nearest] == table.paths[rows[image]].tolist()


def test_augmented_copies_are_not_results():
    table = clusters(12)
    table = dataclasses.replace(table, views=np.arange(12, dtype=np.int32) % 2)
    nearest = SimilarImages(table).nearest(table.features[1], 12)
    assert {path for path, _ in nearest} == set(table.paths[::2].tolist())


def test_only_some_of_many_images_are_searched(monkeypatch):
    table = clusters(60)
    monkeypatch.setattr(similar_images, "SEARCHED", 25)
    nearest = SimilarImages(table).nearest(table.features[1], 60)
    assert {path for path, _ in nearest} == set(table.paths[::3].tolist())


def test_components_fitted_on_some_images_find_all_images(monkeypatch):
    table = clusters(60)
    monkeypatch.setattr(similar_images, "FIT_ROWS", 20)
    (nearest,) = SimilarImages(table).nearest(table.features[59], 1)
    assert nearest == (table.paths[59], table.class_names[table.labels[59]])
