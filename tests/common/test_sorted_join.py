from hypothesis import given
from hypothesis import strategies as st

from classifier.common.sorted_join import look_up

PATHS = st.sets(st.text("ab/.", max_size=3))


@given(PATHS, PATHS)
def test_each_path_gets_the_value_of_its_row(paths, others):
    values = {path: len(path) for path in others}
    found = list(look_up(sorted(paths), sorted(values.items()), None))
    assert found == [values.get(path) for path in sorted(paths)]
