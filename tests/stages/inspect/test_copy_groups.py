from unittest.mock import patch

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from classifier.dataset import orders
from classifier.dataset.features import hex_hashes
from stages.inspect.copy_groups import copy_groups
from stages.inspect.near_duplicates import DuplicatePairs
from stages.inspect.unique_images import UniqueImages
from tests.stages.inspect.test_unique_images import table

TRAIN, TEST = table("c8f1e5a9d0", [0] * 10), table("72", [-1, -1])  # by the hashes
UNIQUE = UniqueImages.from_tables(TRAIN, TEST)
contents = st.lists(st.integers(0, 11), min_size=2, max_size=2, unique=True).map(sorted)


@given(st.lists(contents, max_size=12))
def test_training_copies_are_grouped_as_by_scipy_and_named_by_the_smallest_hash(numbers):
    one, other = np.array(numbers, int).reshape(-1, 2).T
    pairs = DuplicatePairs(one, other, np.zeros(len(one)), np.zeros(len(one), bool))
    with patch.object(orders, "BLOCK", 3):
        found = list(copy_groups(TRAIN, UNIQUE, pairs))
    own = [pair for pair in numbers if pair[1] < 10]  # the others are test images
    ends = np.array(own, int).reshape(-1, 2).T
    graph = coo_array((np.ones(len(own)), tuple(ends)), shape=(10, 10))
    _, components = connected_components(graph, directed=False)
    names = np.array(hex_hashes(TRAIN.sha256))
    groups = {names[n]: min(names[components == components[n]]) for n in np.unique(ends)}
    assert found == sorted(groups.items())
