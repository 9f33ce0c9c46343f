from hypothesis import given
from hypothesis import strategies as st

from classifier.common.top import Top


@given(st.lists(st.integers(0, 50)), st.integers(1, 4))
def test_the_lowest_items_are_kept_in_order(numbers, size):
    top = Top[int](size, lambda number: number)
    for number in numbers:
        top.add(number)
    assert top.items == sorted(numbers)[:size]
