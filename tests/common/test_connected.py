from unittest.mock import patch

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from classifier.common import connected

CHAIN = np.random.default_rng(1).permutation(20_000)  # as the frames of a film by their hashes
ends = st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=30)


@given(ends)
def test_the_smallest_connected_number_is_that_of_scipys_components(pairs):
    one, other = np.array(pairs, int).reshape(-1, 2).T
    graph = coo_array((np.ones(len(one)), (one, other)), (20, 20))
    _, theirs = connected_components(graph, directed=False)
    expected = [np.flatnonzero(theirs == part).min() for part in theirs]
    assert connected.smallest(one, other, 20).tolist() == expected


def test_a_long_chain_is_connected_in_few_rounds():
    with patch.object(np, "array_equal", wraps=np.array_equal) as rounds:
        assert not connected.smallest(CHAIN[1:], CHAIN[:-1], len(CHAIN)).any()
    assert rounds.call_count < 50
