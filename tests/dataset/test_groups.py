from hypothesis import given
from hypothesis import strategies as st

from classifier.dataset.groups import representatives

names = st.text("abcdefgh", min_size=1, max_size=1)


def test_names_are_connected_through_others():
    members = [("b", "a"), ("d", "c"), ("e",), ("c", "b")]
    assert representatives(members) == {"a": "a", "b": "a", "c": "a", "d": "a", "e": "e"}


@given(st.lists(st.lists(names, min_size=1, max_size=3), max_size=12), st.randoms())
def test_the_order_does_not_matter(members, random):
    found = representatives(members)
    assert all(len({found[name] for name in one}) == 1 for one in members)
    random.shuffle(members)
    assert representatives(members) == found
