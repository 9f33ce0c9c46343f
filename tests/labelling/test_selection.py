from dataclasses import replace

import numpy as np
import pytest

from classifier.labelling.selection import STRATEGIES, Pool, informative, margins, typical
from tests.labelling.blobs import blobs, labels_of


def pool(images: list[int], spread: float = 0.6) -> Pool:
    points, classes = blobs(spread=spread)
    return Pool(points, labels_of(classes, np.array(images, int)), np.array([100, 101]))


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("known", [0, 1, 30, 115])
def test_a_batch_holds_different_images_that_are_open(strategy, known):
    one = pool(list(range(known)))
    batch = STRATEGIES[strategy](one, 10).tolist()
    assert len(batch) == len(set(batch)) > 0
    assert set(batch) <= set(one.open.tolist())


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_nothing_is_chosen_where_all_images_have_labels(strategy):
    every = np.delete(np.arange(120), [100, 101]).tolist()
    assert STRATEGIES[strategy](pool(every), 10).tolist() == []


def test_typical_images_are_of_all_classes():
    _, classes = blobs()
    assert set(classes[typical(pool([]), 4)]) == {0, 1, 2, 3}


def test_the_informative_images_have_smaller_margins_than_others():
    one = pool(list(range(40)), spread=1.5)
    found, every = (margins(one.probabilities(some)) for some in (informative(one, 5), one.open))
    assert found.max() < np.median(every)


def test_a_class_with_one_label_gets_a_second():
    points, classes = blobs()
    images = np.append(np.flatnonzero(classes < 3)[:40], 3)  # and one of the last class
    chosen = informative(Pool(points, labels_of(classes, images), images[:0]), 10)
    assert classes[chosen[0]] == 3


def test_a_choice_is_the_same_each_time():
    one = pool(list(range(30)))
    assert STRATEGIES["teaching"](one, 10).tolist() == STRATEGIES["teaching"](one, 10).tolist()
    assert (
        STRATEGIES["random"](one, 9).tolist()
        != STRATEGIES["random"](replace(one, seed=1), 9).tolist()
    )
