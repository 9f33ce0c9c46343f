from classifier.dataset.manifest import ImageRow
from stages.validate import statistics


def test_images_with_the_same_content_are_possible_duplicates():
    contents = {"a": "1", "b": "2", "c": "1"}
    rows = [ImageRow(p, "train", "cat", 64 * c, 9, 9, "PNG") for p, c in contents.items()]
    numbers = statistics.DatasetStatistics()
    for row in rows:
        numbers.add(row, b"")
    assert [row.path for row in numbers.possible_duplicates(rows)] == ["a", "c"]
