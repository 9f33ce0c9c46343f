import pytest

from stages.validate.folder_errors import intended_split


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("val", "validation"),
        ("VALID", "validation"),
        ("validate", "validation"),
        ("Train", "train"),
        ("training", "train"),
        ("Test", "test"),
        ("testing", "test"),
        ("raw", ""),
        ("cats", ""),
    ],
)
def test_the_split_that_a_folder_is_meant_to_be(name, split):
    assert intended_split(name) == split
