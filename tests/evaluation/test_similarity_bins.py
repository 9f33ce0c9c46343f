from classifier.evaluation import similarity_bins
from classifier.evaluation.similarity_bins import Bin


def test_the_file_is_read_back(tmp_path):
    bins = [Bin(0.5, 0.75, 20, 0.8, 0.6, 0.9, 7, 5, 4), Bin(0.8, 0.9, 20, 1.0, 0.9, 1.0, 0, 0, 0)]
    similarity_bins.write(tmp_path / "bins.csv", bins)
    assert similarity_bins.read(tmp_path / "bins.csv") == bins
