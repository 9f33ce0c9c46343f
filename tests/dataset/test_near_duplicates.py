from classifier.dataset import near_duplicates


def test_groups_are_written_and_read_again(tmp_path):
    near_duplicates.write(tmp_path / "n.csv", [("b", "b"), ("c", "b"), ("e", "e")])
    assert near_duplicates.read(tmp_path / "n.csv") == {"b": "b", "c": "b", "e": "e"}


def test_without_copies_it_is_empty(tmp_path):
    near_duplicates.write(tmp_path / "n.csv", [])
    assert near_duplicates.read(tmp_path / "n.csv") == {}
