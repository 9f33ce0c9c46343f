from hypothesis import given
from hypothesis import strategies as st

from stages.report.listed import Listed, Top


@given(st.lists(st.integers(0, 50)), st.integers(1, 4))
def test_the_lowest_items_are_kept_in_order(numbers, size):
    top = Top[int](size, lambda number: number)
    for number in numbers:
        top.add(number)
    assert top.items == sorted(numbers)[:size]


def test_all_items_are_counted_and_the_first_of_each_kind_kept():
    found = Listed.of(["a1", "b1", "a2", "a3"], lambda item: item[0], 2)
    assert found.shown == ["a1", "b1", "a2"] and found.counts == {"a": 3, "b": 1}
