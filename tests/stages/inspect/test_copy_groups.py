import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from classifier.dataset import orders
from classifier.dataset.features import hex_hashes
from stages.inspect.copy_groups import copy_groups
from stages.inspect.near_duplicates import DuplicatePairs
from stages.inspect.unique_images import UniqueImages
from tests.stages.inspect.test_unique_images import table

HASHES = "c8f1e5a9d0"  # of the training images; two more are only of test images
PAIRS = [(0, 3), (3, 7), (1, 10), (4, 5), (5, 11), (2, 9)]


def test_copies_are_grouped_as_by_scipy_and_named_by_the_smallest_hash(monkeypatch):
    monkeypatch.setattr(orders, "BLOCK", 3)
    train, test = table(HASHES, [0] * 10), table("72", [-1, -1])
    one, other = np.array(PAIRS).T
    pairs = DuplicatePairs(one, other, np.zeros(6), np.zeros(6, bool))
    found = list(copy_groups(train, UniqueImages.from_tables(train, test), pairs))
    own = np.array([pair for pair in PAIRS if pair[1] < 10]).T
    graph = coo_array((np.ones(len(own[0])), own), shape=(10, 10))
    _, components = connected_components(graph, directed=False)
    names, members = hex_hashes(train.sha256), np.unique(own)
    groups = {names[n]: min(np.array(names)[components == components[n]]) for n in members}
    assert found == sorted(groups.items())
