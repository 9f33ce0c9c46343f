import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stages.inspect.unique_keys import pack, unique

pairs = st.lists(st.tuples(st.integers(-2, 2**31 - 1), st.integers(0, 2**31 - 1)), max_size=20)


@given(pairs, st.randoms())
def test_keys_are_unique_and_in_the_order_of_both_numbers(pairs, random):
    several = pairs * 2
    random.shuffle(several)
    high, low = np.array(several, np.int32).reshape(-1, 2).T
    keys = unique(pack(high, low))
    assert list(zip((keys >> 32).tolist(), (keys & 0xFFFFFFFF).tolist(), strict=True)) == sorted(
        set(pairs)
    )
