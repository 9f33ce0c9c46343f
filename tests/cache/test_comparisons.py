import sqlite3
from contextlib import closing

from classifier.cache import comparisons
from classifier.cache.comparisons import Comparison, ComparisonCache

KNOWN = Comparison("a" * 64, "b" * 64, "recipe")


def filled(folder):
    with closing(ComparisonCache(folder)) as cache:
        cache.put({KNOWN: 0.1})


def found(folder, *compared):
    with closing(ComparisonCache(folder)) as cache:
        return cache.get(compared)


def test_a_result_belongs_to_both_contents_and_to_the_recipe(tmp_path):
    filled(tmp_path)
    others = KNOWN._replace(one="c" * 64), KNOWN._replace(recipe="another")
    assert found(tmp_path, KNOWN, *others) == {KNOWN: 0.1}


def test_a_changed_row_is_not_used(tmp_path):
    filled(tmp_path)
    with closing(sqlite3.connect(tmp_path / comparisons.NAME)) as connection, connection:
        connection.execute("UPDATE comparisons SET result = 0.2")
    assert found(tmp_path, KNOWN) == {}


def test_a_damaged_file_is_set_aside(tmp_path, capsys):
    filled(tmp_path)
    (tmp_path / comparisons.NAME).write_bytes(b"damaged")
    assert found(tmp_path, KNOWN) == {}
    assert "near duplicates are compared once more" in capsys.readouterr().err
