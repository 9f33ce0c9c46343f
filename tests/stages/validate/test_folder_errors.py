import pytest

from classifier.dataset.folders import intended


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
        ("Unlabeled", "unlabelled"),
        ("raw", ""),
        ("cats", ""),
    ],
)
def test_the_split_that_a_folder_is_meant_to_be(name, split):
    assert intended(name) == split
