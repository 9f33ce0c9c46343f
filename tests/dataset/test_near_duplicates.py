from classifier.dataset import near_duplicates


def test_chains_of_copies_are_one_group_named_by_its_smallest_hash(tmp_path):
    near_duplicates.write(tmp_path / "n.csv", [("b", "d"), ("c", "d"), ("e", "f")])
    expected = {"b": "b", "c": "b", "d": "b", "e": "e", "f": "e"}
    assert near_duplicates.read(tmp_path / "n.csv") == expected


def test_without_copies_it_is_empty(tmp_path):
    near_duplicates.write(tmp_path / "n.csv", [])
    assert near_duplicates.read(tmp_path / "n.csv") == {}
