import hashlib
import shutil
from contextlib import closing

import numpy as np
import pytest

from classifier.cache import database, feature_file, parts
from classifier.cache.features import FeatureCache
from classifier.images.augmentation import view_key
from tests.cache.test_features import VALUES, change_bytes, execute

KEYS = [view_key(f"{n % 3:02x}{hashlib.sha256(bytes([n])).hexdigest()[2:]}") for n in range(40)]


def open_cache(folder, limit=16):
    return FeatureCache(folder, "f" * 64, (300,), "float32", "a network", limit=limit)


def fill(folder, limit=16):
    with closing(open_cache(folder, limit)) as cache:
        for start in range(0, 40, 4):
            cache.put(KEYS[start : start + 4], VALUES[start : start + 4])
    return folder


@pytest.fixture(scope="module")
def divided(tmp_path_factory):
    """A cache whose rows have become too many for one file."""
    return fill(tmp_path_factory.mktemp("divided"))


@pytest.fixture
def folder(divided, tmp_path):
    return shutil.copytree(divided, tmp_path / "cache")


def files(folder):
    """Returns the first file of the cache, and its parts."""
    (first,) = (folder / "features").glob("*.sqlite")
    return first, sorted((folder / "features").glob("*/*.sqlite"))


def rows(folder):
    """Returns the numbers of the rows that are found; all must equal what was put."""
    with closing(open_cache(folder)) as cache:
        found = cache.get(KEYS)
        assert cache.has(KEYS) == set(found)
    numbers = [number for number, key in enumerate(KEYS) if key in found]
    assert all((found[KEYS[number]] == VALUES[number]).all() for number in numbers)
    return numbers


def test_rows_above_the_limit_are_in_files_by_the_first_byte_of_their_key(folder):
    assert rows(folder) == list(range(40))
    first, some = files(folder)
    assert [path.name for path in some] == ["00.sqlite", "01.sqlite", "02.sqlite"]
    assert execute(first, "SELECT count(*) < 3 FROM keys") == [(1,)]
    for number, path in enumerate(some):
        assert execute(path, "SELECT DISTINCT hex(substr(key, 1, 1)) FROM keys") == [
            (f"0{number}",)
        ]


def test_up_to_the_limit_they_are_in_one_file(tmp_path):
    fill(tmp_path, limit=40)
    assert files(tmp_path)[1] == [] and rows(tmp_path) == list(range(40))


def test_the_first_file_gives_its_space_back(tmp_path):
    fill(tmp_path, limit=39)
    first, some = files(tmp_path)
    assert len(some) == 3 and first.stat().st_size < 40 * 1200 / 2


def test_an_open_cache_finds_what_another_process_moves(tmp_path):
    with closing(open_cache(tmp_path, limit=1000)) as cache:
        cache.put(KEYS[:10], VALUES[:10])
        fill(tmp_path)
        assert set(cache.get(KEYS)) == cache.has(KEYS) == set(KEYS)
        cache.put(KEYS[:1], VALUES[:1])
    assert rows(tmp_path) == list(range(40))


def test_rows_keep_their_day_of_use_and_note_a_new_one(folder, monkeypatch):
    monkeypatch.setattr(feature_file.time, "time", lambda: 4e9)
    with closing(open_cache(folder)) as cache:
        cache.get(KEYS[:3])
        cache.put([view_key(f"{number:064x}") for number in range(3)], VALUES[:3])
    (_, some), new = files(folder), int(4e9 // 86_400)
    days = [execute(path, f"SELECT sum(used = {new}), count(*) FROM keys")[0] for path in some]
    assert days == [(4, 17), (1, 13), (1, 13)]


def test_few_files_are_open_where_the_system_allows_few(folder, monkeypatch):
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (8, 8))
    cache = open_cache(folder)
    execute(files(folder)[1][0], "UPDATE vectors SET value = zeroblob(1200) WHERE id = 3")
    assert len(cache.get(KEYS)) == 39 and cache.damaged == 1
    assert len(cache._parts._open) == 2


@pytest.mark.parametrize(("soft", "files"), [(256, 64), (1024, 256), (-1, 256)])
def test_a_quarter_of_the_open_files_are_parts(soft, files, monkeypatch):
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, -1))
    assert parts._limit() == files


def test_of_a_damaged_part_only_its_own_rows_are_lost(folder, capsys):
    _, (_, path, _) = files(folder)
    change_bytes(path, lambda data: data.__setitem__(slice(4096, None), bytes(len(data) - 4096)))
    assert rows(folder) == [number for number in range(40) if number % 3 != 1]
    message = f"warning: {path}: damaged ("
    assert capsys.readouterr().err.startswith(message)
    fill(folder)
    assert rows(folder) == list(range(40))


def test_rows_hidden_by_the_damaged_index_of_a_part_are_found_again(folder):
    _, (path, *_) = files(folder)
    key = KEYS[3]

    def flip(data):
        data[bytes(data).rindex(key)] ^= 1

    change_bytes(path, flip)
    with closing(open_cache(folder)) as cache:
        cache.check_index()
        assert cache.has(KEYS) == set(KEYS)


def test_a_damaged_row_is_not_moved(tmp_path):
    fill(tmp_path, limit=1000)
    execute(files(tmp_path)[0], "UPDATE vectors SET value = zeroblob(1200) WHERE id = 3")
    with closing(open_cache(tmp_path)) as cache:
        cache.put([view_key("00" * 32)], VALUES[:1])
        assert cache.damaged == 1
    assert rows(tmp_path) == [number for number in range(40) if number != 2]


def test_a_read_only_cache_is_neither_divided_nor_changed(folder, monkeypatch, capsys):
    before = {path: path.read_bytes() for path in folder.rglob("*.sqlite")}
    monkeypatch.setattr(database.os, "access", lambda *_: False)
    with closing(open_cache(folder, limit=0)) as cache:
        cache.put([view_key("00" * 32)], VALUES[:1])
        assert len(cache.get(KEYS)) == 40
    assert {path: path.read_bytes() for path in folder.rglob("*.sqlite")} == before
    assert capsys.readouterr().err.count("cannot be written") == 1


def test_without_room_for_a_second_copy_it_stays_one_file(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(9, 8, 1))
    fill(tmp_path)
    assert files(tmp_path)[1] == [] and rows(tmp_path) == list(range(40))
    assert capsys.readouterr().err.count("GB must be free to move its rows to 256 files") == 2


def test_a_cache_of_maps_is_divided_in_small_steps(tmp_path, monkeypatch):
    monkeypatch.setattr("classifier.cache.features.MOVED", 1)
    fill(tmp_path)
    assert rows(tmp_path) == list(range(40))


def test_a_full_disk_while_rows_are_moved_loses_none(folder):
    with closing(open_cache(folder)) as cache:
        cache.get(KEYS)
        cache._parts._file(0).rows("PRAGMA max_page_count = 1")
        new = [view_key(f"00{n:062x}") for n in range(40)]
        with pytest.raises(Exception, match="the disk is full; free some space and run again"):
            cache.put(new, VALUES)
        assert cache.has([*KEYS, *new]) == {*KEYS, *new}
    assert np.array_equal(rows(folder), range(40))
