import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.cache import feature_file
from classifier.cache import features as feature_cache
from classifier.cache.features import FeatureCache, new_rows
from classifier.common.errors import StageError
from classifier.images.augmentation import view_key
from tests.project import ROOT

FINGERPRINT = "f" * 64
NOBODY = 65534  # the user id that owns nothing
KEYS = [view_key(f"{number:064x}") for number in range(40)]
VALUES = np.random.default_rng(0).random((40, 300), np.float32)
NEW = view_key("a" * 64)


def open_cache(folder, fingerprint=FINGERPRINT):
    return FeatureCache(folder, fingerprint, (300,), "float32", "a network")


@pytest.fixture
def folder(tmp_path):
    """A cache with 40 rows."""
    cache = open_cache(tmp_path)
    cache.put(KEYS, VALUES)
    cache.close()
    return tmp_path


@pytest.fixture
def path(folder):
    """The file of that cache."""
    return feature_cache.cache_file(folder, FINGERPRINT)


def execute(path, statement):
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(statement).fetchall()


def is_complete(folder):
    """Tells whether every row is there and equals what was put."""
    with closing(open_cache(folder)) as cache:
        rows = cache.get(KEYS)
    return set(rows) == set(KEYS) and all(
        (rows[key] == value).all() for key, value in zip(KEYS, VALUES, strict=True)
    )


def test_rows_survive_closing(folder):
    assert is_complete(folder)
    cache = open_cache(folder)
    assert cache.has([*KEYS, NEW]) == set(KEYS)
    assert cache.get([NEW]) == cache.get([]) == {}
    assert cache.get(KEYS[:1])[KEYS[0]].shape == (300,)


def test_another_view_of_an_image_is_another_row(folder):
    assert open_cache(folder).has([view_key(f"{1:064x}", -1), view_key(f"{1:064x}", 1)]) == set()


def test_an_existing_row_is_not_replaced(folder):
    cache = open_cache(folder)
    cache.put(KEYS[:2], VALUES[2:4])
    assert cache.contended
    assert is_complete(folder)


def test_networks_share_no_rows(folder):
    assert open_cache(folder, "e" * 64).has(KEYS) == set()


def test_a_batch_is_kept_completely_or_not_at_all(tmp_path):
    cache = open_cache(tmp_path)
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        cache.put(KEYS[:3], VALUES[:2])
    assert cache.has(KEYS) == set()


def test_features_are_kept_in_the_dtype_of_the_cache(tmp_path):
    cache = FeatureCache(tmp_path, FINGERPRINT, (300,), "float16", "a network")
    cache.add(new_rows(FINGERPRINT, "float16", KEYS, VALUES))
    assert np.array_equal(cache.get(KEYS)[KEYS[1]], VALUES[1].astype(np.float16))


def test_features_that_change_on_their_way_to_the_cache_count_as_missing(tmp_path):
    rows = new_rows(FINGERPRINT, "float32", KEYS, VALUES.copy())
    rows.features[3] += 1
    cache = open_cache(tmp_path)
    cache.add(rows)
    assert set(cache.get(KEYS)) == set(KEYS) - {KEYS[3]}


@settings(max_examples=20)
@given(groups=st.lists(st.lists(st.integers(0, 39), max_size=9, unique=True), max_size=8))
def test_it_is_a_dictionary_that_keeps_the_first_value(groups, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    model = {}
    for number, group in enumerate(groups):
        with closing(open_cache(folder)) as cache:
            cache.put([KEYS[i] for i in group], np.full((len(group), 300), number, np.float32))
        model = {KEYS[i]: number for i in group} | model
    rows = open_cache(folder).get(KEYS)
    assert {key: float(value[0]) for key, value in rows.items()} == model


def test_rows_note_the_day_of_their_use(folder, path, monkeypatch):
    monkeypatch.setattr(feature_file.time, "time", lambda: 4e9)
    with closing(open_cache(folder)) as cache:
        cache.get(KEYS[:3])
    days = [day for (day,) in execute(path, "SELECT used FROM keys ORDER BY used")]
    assert days[-3:] == [int(4e9 // 86400)] * 3 and days[-4] < days[-3]


def test_a_full_disk_is_an_error_that_loses_no_row(folder):
    cache = open_cache(folder)
    cache._file.rows("PRAGMA max_page_count = 1")
    with pytest.raises(StageError, match="the disk is full; free some space and run again"):
        cache.put([view_key(f"{n:064x}", 1) for n in range(40)], VALUES)
    assert cache.has(KEYS) == set(KEYS)


def change_bytes(path, change):
    data = bytearray(path.read_bytes())
    change(data)
    path.write_bytes(data)


def check_that_damage_is_harmless(folder, copy, change):
    """A damaged cache gives right rows or none, and is complete once they are added again."""
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder, copy)
    change_bytes(feature_cache.cache_file(copy, FINGERPRINT), change)
    try:
        cache = open_cache(copy)
    except StageError as error:
        assert "of a newer version" in str(error)
        return
    rows = cache.get(KEYS)
    for key, value in rows.items():
        assert value.tobytes() == VALUES[KEYS.index(key)].tobytes()
    lost = [number for number, key in enumerate(KEYS) if key not in rows]
    cache.put([KEYS[number] for number in lost], VALUES[lost])
    cache.close()
    assert is_complete(copy)


@pytest.mark.parametrize("seed", range(8))
def test_a_flipped_bit_is_never_used(seed, folder, path, tmp_path):
    rng = np.random.default_rng(seed)
    for position in [*rng.integers(0, path.stat().st_size, 12), *rng.integers(0, 4096, 4)]:
        bit = 1 << int(rng.integers(8))

        def flip(data, position=int(position), bit=bit):
            data[position] ^= bit

        check_that_damage_is_harmless(folder, tmp_path / "copy", flip)


@pytest.mark.parametrize("fraction", [0, 0.001, 0.01, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_never_used(fraction, folder, tmp_path):
    def truncate(data):
        del data[int(len(data) * fraction) :]

    check_that_damage_is_harmless(folder, tmp_path / "copy", truncate)


def test_a_row_with_a_wrong_checksum_is_dropped_and_counted(folder, path):
    execute(path, "UPDATE vectors SET value = zeroblob(1200) WHERE id = 3")
    cache = open_cache(folder)
    assert set(cache.get(KEYS)) == set(KEYS) - {KEYS[2]}
    assert cache.damaged == 1
    assert cache.has(KEYS) == set(KEYS) - {KEYS[2]}


@pytest.mark.parametrize("places", [(0.5,), (0.3, 0.5, 0.8)])
def test_rows_around_damaged_pages_are_recovered(places, folder, path, capsys):
    def overwrite(data):
        for place in places:
            start = int(len(data) * place) // 4096 * 4096
            data[start : start + 4096] = bytes(4096)

    change_bytes(path, overwrite)
    rows = open_cache(folder).get(KEYS)
    assert 40 - 8 * len(places) <= len(rows) < 40
    message = f"{len(rows)} cached features recovered, the others are computed again"
    assert re.match(rf"warning: {path}: damaged \(.*\); {message}\n", capsys.readouterr().err)
    assert list(path.parent.glob("*.damaged*")) == []


def flip_key(path, key, place):
    """Flips a bit of a key, in the table (place 0) or in its index (place 1)."""

    def flip(data):
        places = [match.start() for match in re.finditer(re.escape(key), bytes(data))]
        assert len(places) == 2
        data[places[place]] ^= 1

    change_bytes(path, flip)


@pytest.mark.parametrize("place", [0, 1])
def test_a_flipped_bit_in_a_key_loses_one_row_at_most(place, folder, path):
    flip_key(path, KEYS[7], place)
    cache = open_cache(folder)
    assert set(cache.get(KEYS)) >= set(KEYS) - {KEYS[7]}
    cache.put(KEYS[7:8], VALUES[7:8])
    cache.close()
    assert is_complete(folder)


def test_rows_hidden_by_a_damaged_index_are_recovered(folder, path, capsys):
    flip_key(path, KEYS[7], 1)
    cache = open_cache(folder)
    assert KEYS[7] not in cache.has(KEYS)
    assert cache.check_index()
    assert "40 cached features recovered" in capsys.readouterr().err
    assert cache.has(KEYS) == set(KEYS)
    assert not cache.check_index()
    cache.close()
    assert is_complete(folder)


def test_another_programs_file_is_set_aside_unchanged(folder, path, capsys):
    path.unlink()
    execute(path, "CREATE TABLE recipes (name)")
    before = path.read_bytes()
    assert open_cache(folder).has(KEYS) == set()
    assert path.with_name(f"{path.name}.damaged").read_bytes() == before
    message = f"damaged (another program's file); set aside as {path.name}.damaged"
    assert message in capsys.readouterr().err


def test_a_text_file_is_set_aside(folder, path, capsys):
    path.write_text("something of the user's " * 400)
    assert open_cache(folder).has(KEYS) == set()
    assert "file is not a database" in capsys.readouterr().err


def test_another_networks_file_is_not_used(folder, path, capsys):
    path.rename(feature_cache.cache_file(folder, "e" * 64))
    assert open_cache(folder, "e" * 64).get(KEYS) == {}
    assert "made for something else" in capsys.readouterr().err


def test_a_file_of_a_newer_version_is_refused_and_kept(folder, path):
    execute(path, "PRAGMA user_version = 3")
    before = path.read_bytes()
    with pytest.raises(StageError, match="must be of format 2; got 3, of a newer version"):
        open_cache(folder)
    assert path.read_bytes() == before


def test_a_file_of_an_older_version_is_kept_under_another_name(folder, path, capsys):
    execute(path, "PRAGMA user_version = 1")
    execute(path, "ALTER TABLE keys RENAME COLUMN checksum TO seal")
    before = path.read_bytes()
    assert open_cache(folder).has(KEYS) == set()
    assert path.with_name(f"{path.name}.old").read_bytes() == before
    assert f"{path}: written by an older version of this project; " in capsys.readouterr().err


@pytest.fixture
def read_only(folder):
    """A copy of the cache, which may be read but not written, not even by root.

    It lies outside pytest's folders, which other users may not enter.
    """
    if os.name == "nt":
        pytest.skip("Windows has no read-only folders")
    uid = os.getuid()
    with tempfile.TemporaryDirectory() as place:
        if not all(parent.stat().st_mode & 0o001 for parent in Path(place).resolve().parents):
            pytest.skip(f"other users may not enter {tempfile.gettempdir()}")
        copy = shutil.copytree(folder, Path(place) / "cache")
        file = feature_cache.cache_file(copy, FINGERPRINT)
        for path, mode in ((file, 0o444), (file.parent, 0o555), (copy, 0o755), (place, 0o755)):
            Path(path).chmod(mode)
        if uid == 0:
            os.setresuid(NOBODY, NOBODY, uid)
        yield copy
        if uid == 0:
            os.setresuid(uid, uid, uid)
        file.parent.chmod(0o755)


NOT_CACHED = "cannot be written, so this run's results are not cached"


def test_a_read_only_cache_is_read_and_nothing_is_added(read_only, capsys):
    cache = open_cache(read_only)
    assert NOT_CACHED in capsys.readouterr().err
    cache.put([NEW], VALUES[:1])
    assert not cache.writable
    assert cache.has([*KEYS, NEW]) == set(KEYS)
    assert is_complete(read_only)


def test_a_cache_that_cannot_be_created_is_empty(read_only, capsys):
    cache = open_cache(read_only, "e" * 64)
    assert NOT_CACHED in capsys.readouterr().err
    cache.put([NEW], VALUES[:1])
    assert cache.has([*KEYS, NEW]) == set()


def test_damage_in_a_read_only_cache_is_no_error(path, request, capsys):
    change_bytes(path, lambda data: data.__setitem__(slice(8192, 40_000), bytes(31_808)))
    read_only = request.getfixturevalue("read_only")
    rows = open_cache(read_only).get(KEYS)
    assert all((rows[key] == VALUES[KEYS.index(key)]).all() for key in rows)
    assert "damaged (" in capsys.readouterr().err


WRITER = """
import sys, numpy as np
from pathlib import Path
from classifier.cache.features import FeatureCache
from classifier.images.augmentation import view_key
values = np.random.default_rng(0).random((400, 2048), np.float32)
keys = [view_key(f"{n % 3:02x}{n:062x}") for n in range(400)]
order = np.random.default_rng(int(sys.argv[2])).permutation(400)
limit = int(sys.argv[3])
cache = FeatureCache(Path(sys.argv[1]), "f" * 64, (2048,), "float32", "a network", limit=limit)
for start in range(0, 400, 8):
    batch = order[start:start + 8]
    cache.put([keys[i] for i in batch], values[batch])
    assert all((cache.get([keys[i]])[keys[i]] == values[i]).all() for i in batch)
print(len(cache.has(keys)))
"""


def start_writer(folder, seed, limit):
    command = [sys.executable, "-c", WRITER, str(folder), str(seed), str(limit)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def count_rows(folder):
    """Returns the number of rows in the cache of the writers; all must be intact."""
    cache = FeatureCache(folder, FINGERPRINT, (2048,), "float32", "a network")
    keys = [view_key(f"{n % 3:02x}{n:062x}") for n in range(400)]
    values = np.random.default_rng(0).random((400, 2048), np.float32)
    with closing(cache):
        rows = cache.get(keys)
        assert all((rows[key] == values[keys.index(key)]).all() for key in rows)
        assert cache.has(keys) == set(rows) and not cache.damaged
    return len(rows)


@pytest.mark.slow
@pytest.mark.parametrize("limit", [1000, 40], ids=["one file", "divided"])
def test_several_processes_create_and_fill_one_cache(limit, tmp_path):
    for process in [start_writer(tmp_path, seed, limit) for seed in range(4)]:
        out, err = process.communicate()
        assert (out.strip(), err) == (b"400", b"")
    assert count_rows(tmp_path) == 400
    path = feature_cache.cache_file(tmp_path, FINGERPRINT)
    parts = [path.with_suffix("") / f"0{byte}.sqlite" for byte in range(3)]
    expected = {path} if limit > 400 else {path, path.with_suffix(""), *parts}
    # SQLite's logs are gone now; writers that close at the same moment leave them to the next one
    assert set(path.parent.rglob("*")) == expected


@pytest.mark.slow
@pytest.mark.parametrize("limit", [1000, 40], ids=["one file", "divided"])
def test_a_kill_leaves_complete_batches_and_sound_files(limit, tmp_path):
    rng = np.random.default_rng()
    path = feature_cache.cache_file(tmp_path, FINGERPRINT)
    for _ in range(4):
        process = start_writer(tmp_path, 0, limit)
        while not path.exists():
            assert process.poll() is None
        try:
            process.wait(float(rng.uniform(0, 0.4)))
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate()
        for file in path.parent.rglob("*.sqlite"):
            assert execute(file, "PRAGMA integrity_check") == [("ok",)]
            vectors = execute(file, "SELECT id FROM vectors ORDER BY id")
            assert execute(file, "SELECT id FROM keys ORDER BY id") == vectors
        assert count_rows(tmp_path) % 8 == 0
