import os
import sqlite3
import subprocess
import sys

import numpy as np
import pytest

from classifier.common.scratch import Scratch

VALUES = np.random.default_rng(1).normal(size=(300, 4)).astype(np.float32)


def test_scratch_keeps_arrays_while_it_is_open(tmp_path):
    with Scratch(tmp_path) as scratch:
        numbers, rows = scratch.keep(np.arange(7)), scratch.keep(VALUES)
        empty = scratch.array((), np.uint16)
        empty.append(np.arange(3))
        assert numbers[[6, 0]].tolist() == [6, 0] and np.array_equal(rows[2:4], VALUES[2:4])
        assert (empty[:].dtype, empty[:].tolist()) == (np.uint16, [0, 1, 2])
    with pytest.raises(ValueError, match="closed file"):
        numbers[:1]


def test_a_database_lasts_as_long_as_the_scratch_and_leaves_no_file(tmp_path):
    with Scratch(tmp_path) as scratch:
        one, other = (scratch.database("CREATE TABLE numbers (number INTEGER)") for _ in range(2))
        one.execute("BEGIN")
        one.executemany("INSERT INTO numbers VALUES (?)", ((n,) for n in range(300_000)))
        one.execute("COMMIT")
        assert one.execute("SELECT count(*), sum(number) FROM numbers").fetchone() == (
            300_000,
            sum(range(300_000)),
        )
        assert other.execute("SELECT * FROM numbers").fetchall() == []
        assert os.name == "nt" or list(tmp_path.iterdir()) == []  # also after a kill
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        one.execute("SELECT * FROM numbers")
    assert list(tmp_path.iterdir()) == []


def test_databases_of_killed_runs_are_removed(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    names = [f"scratch.{pid}.ab_1.part" for pid in (ended.pid, os.getpid())]
    for name in names:
        (tmp_path / name).touch()
    with Scratch(tmp_path) as scratch:
        scratch.database()
    assert [path.name for path in tmp_path.iterdir()] == names[1:]
