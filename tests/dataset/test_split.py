from classifier.dataset import split


def test_splits_are_written_and_read_back(tmp_path):
    split.write(tmp_path / "split.csv", [("a,b", "train", "3"), ("c", "validation", "")])
    text = 'path,split,fold\n"a,b",train,3\nc,validation,\n'
    assert (tmp_path / "split.csv").read_text() == text
    assert split.read(tmp_path / "split.csv") == {"a,b": "train", "c": "validation"}
