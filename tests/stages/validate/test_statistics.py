import numpy as np

from classifier.dataset.manifest import ImageRow
from stages.validate import external_sort, statistics


def test_images_with_the_same_perceptual_hash_are_possible_duplicates(scratch):
    hashes = {"a": b"\1" + bytes(31), "b": b"\2" + bytes(31), "c": b"\1" + bytes(31)}
    rows = [ImageRow(path, "train", "cat", 64 * "0", 9, 9, "PNG") for path in hashes]
    numbers = statistics.DatasetStatistics(scratch, 10)
    for row in rows:
        numbers.add(row, hashes[row.path], None)
    assert [row.path for row in numbers.possible_duplicates(rows)] == ["a", "c"]


def test_the_range_of_deep_images_is_that_of_the_training_images(scratch):
    numbers = statistics.DatasetStatistics(scratch, 10)
    row = ImageRow("a", "train", "cat", 64 * "0", 9, 9, "PNG", conversion="16-bit")
    numbers.add_extremes(row, (0, 1000))
    numbers.add_extremes(row._replace(split="test"), (0, 60_000))
    numbers.add_extremes(row._replace(split="test", conversion="32-bit"), (-9, 9))
    assert numbers.grey_ranges() == {"16-bit": (0, 1023), "32-bit": (-9, 9)}


def test_a_range_that_is_set_replaces_the_one_found(scratch):
    numbers = statistics.DatasetStatistics(scratch, 10, (-1, 500))
    assert numbers.grey_ranges() == {}
    row = ImageRow("a", "train", "cat", 64 * "0", 9, 9, "PNG", conversion="16-bit")
    numbers.add_extremes(row, (0, 1000))
    assert numbers.grey_ranges() == {"16-bit": (-1, 500)}


def test_possible_duplicates_are_found_in_parts(scratch, monkeypatch):
    for name, value in (("SORTED", 9), ("BLOCK", 33), ("SAMPLED", 11)):
        monkeypatch.setattr(external_sort, name, value)
    kinds = np.random.default_rng(1).integers(0, 400, 300)
    numbers = statistics.DatasetStatistics(scratch, 10)
    rows = [ImageRow(str(n), "train", "cat", 64 * "0", 9, 9, "PNG") for n in range(300)]
    for row, kind in zip(rows, kinds.tolist(), strict=True):
        numbers.add(row, kind.to_bytes(32, "little"), None)
    several = np.bincount(kinds)[kinds] > 1
    expected = [row for row, one in zip(rows, several, strict=True) if one]
    assert list(numbers.possible_duplicates(rows)) == expected
