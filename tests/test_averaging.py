import pytest

from stages.averaging import Averaging


@pytest.mark.parametrize(
    ("average", "numbers"), [(1, [0]), (2, [0, -1]), (3, [0, -1, 1]), (5, [0, -1, 1, 2, 3])]
)
def test_the_picture_itself_comes_first_then_its_mirror_image(average, numbers):
    assert Averaging(average).numbers() == numbers
