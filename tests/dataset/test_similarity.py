import numpy as np

from classifier.dataset import similarity


def test_known_similarities_are_read_back(tmp_path):
    similarity.write(tmp_path / "s.csv", ["=a", "b", "c"], np.array([0.5, np.nan, 1]))
    assert list(similarity.iter_rows(tmp_path / "s.csv")) == [("=a", 0.5), ("c", 1)]
