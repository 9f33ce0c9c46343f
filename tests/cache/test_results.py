import sqlite3
from contextlib import closing

from classifier.cache import results
from classifier.cache.results import ResultCache, Task

KNOWN = Task(("a" * 64, "b" * 64), "recipe")


def filled(folder):
    with closing(ResultCache(folder)) as cache:
        cache.put({KNOWN: b"result"})


def found(folder, *tasks):
    with closing(ResultCache(folder)) as cache:
        return cache.get(tasks)


def test_a_result_belongs_to_the_contents_and_to_the_recipe(tmp_path):
    filled(tmp_path)
    others = Task(("a" * 64,), "recipe"), Task(KNOWN.contents, "another")
    assert found(tmp_path, KNOWN, *others) == {KNOWN: b"result"}


def test_only_unknown_results_are_computed(tmp_path):
    filled(tmp_path)
    other = Task(("c" * 64,), "recipe")
    with closing(ResultCache(tmp_path)) as cache:
        values = cache.complete({KNOWN: b"not computed", other: b"new"}, bytes.upper)
    assert values == found(tmp_path, KNOWN, other) == {KNOWN: b"result", other: b"NEW"}


def test_a_changed_row_is_not_used(tmp_path):
    filled(tmp_path)
    with closing(sqlite3.connect(tmp_path / results.NAME)) as connection, connection:
        connection.execute("UPDATE results SET value = x'00'")
    assert found(tmp_path, KNOWN) == {}


def test_a_damaged_file_is_set_aside(tmp_path, capsys):
    filled(tmp_path)
    (tmp_path / results.NAME).write_bytes(b"damaged")
    assert found(tmp_path, KNOWN) == {}
    assert "thumbnails and comparisons are made once more" in capsys.readouterr().err
