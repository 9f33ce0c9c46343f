from classifier.dataset.manifest import ImageRow
from stages.validate import statistics


def test_images_with_the_same_perceptual_hash_are_possible_duplicates():
    hashes = {"a": b"\1" + bytes(31), "b": b"\2" + bytes(31), "c": b"\1" + bytes(31)}
    rows = [ImageRow(path, "train", "cat", 64 * "0", 9, 9, "PNG") for path in hashes]
    numbers = statistics.DatasetStatistics()
    for row in rows:
        numbers.add(row, hashes[row.path])
    assert [row.path for row in numbers.possible_duplicates(rows)] == ["a", "c"]
