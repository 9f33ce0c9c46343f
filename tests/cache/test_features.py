import os
import re
import shutil
import sqlite3
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.cache import features as feature_cache
from classifier.cache.features import FeatureCache
from classifier.common.errors import StageError
from tests.project import ROOT

PRINT = "f" * 64
NOBODY = 65534  # the user id that owns nothing
KEYS = [feature_cache.feature_key(f"{number:064x}") for number in range(40)]
VALUES = np.random.default_rng(0).random((40, 300), np.float32)


def opened(folder, shape=(300,)):
    return FeatureCache(folder, PRINT, shape, "float32", "a network")


@pytest.fixture
def folder(tmp_path):
    """A store with 40 rows."""
    kept = opened(tmp_path)
    kept.put(KEYS, VALUES)
    kept.close()
    return tmp_path


def whole(folder):
    """Tells whether every row is there and as it was put."""
    kept = opened(folder)
    found = kept.get(KEYS)
    kept.close()
    return set(found) == set(KEYS) and all(
        (found[key] == value).all() for key, value in zip(KEYS, VALUES, strict=True)
    )


def test_rows_survive(folder):
    assert whole(folder)
    kept = opened(folder)
    assert kept.has([*KEYS, b"another"]) == set(KEYS)
    assert kept.get([b"another"]) == kept.get([]) == {}
    assert kept.get(KEYS[:1])[KEYS[0]].shape == (300,)


def test_a_view_is_another_row(folder):
    assert opened(folder).has([feature_cache.feature_key(f"{1:064x}", view=1)]) == set()


def test_a_row_that_is_there_stays(folder):
    kept = opened(folder)
    kept.put(KEYS[:2], VALUES[2:4])
    assert kept.contended
    assert whole(folder)


def test_networks_have_nothing_in_common(folder):
    assert FeatureCache(folder, "e" * 64, (300,), "float32", "another").has(KEYS) == set()


def test_a_batch_is_kept_as_a_whole_or_not_at_all(tmp_path):
    kept = opened(tmp_path)
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        kept.put(KEYS[:3], VALUES[:2])
    assert kept.has(KEYS) == set()


def harm(path, change):
    """Changes a store's bytes."""
    data = bytearray(path.read_bytes())
    change(data)
    path.write_bytes(data)


def check_that_harm_is_noticed(folder, again, change, capsys):
    """A store that was harmed gives right rows or none, and is whole once filled again."""
    shutil.rmtree(again, ignore_errors=True)
    shutil.copytree(folder, again)
    path = feature_cache.cache_file(again, PRINT)
    harm(path, change)
    try:
        kept = opened(again)
    except StageError as error:
        assert "of a newer version" in str(error)
        return
    found = kept.get(KEYS)
    for key, value in found.items():
        assert value.tobytes() == VALUES[KEYS.index(key)].tobytes()
    lost = [number for number, key in enumerate(KEYS) if key not in found]
    kept.put([KEYS[number] for number in lost], VALUES[lost])
    kept.close()
    assert whole(again)
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)] or not lost


@pytest.mark.parametrize("seed", range(8))
def test_a_flipped_bit_is_never_used(seed, folder, tmp_path, capsys):
    size = feature_cache.cache_file(folder, PRINT).stat().st_size
    rng = np.random.default_rng(seed)
    for position in [*rng.integers(0, size, 12), *rng.integers(0, 4096, 4)]:
        bit = 1 << int(rng.integers(8))

        def flip(data, position=int(position), bit=bit):
            data[position] ^= bit

        check_that_harm_is_noticed(folder, tmp_path / "again", flip, capsys)


@pytest.mark.parametrize("share", [0, 0.001, 0.01, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_never_used(share, folder, tmp_path, capsys):
    def cut(data):
        del data[int(len(data) * share) :]

    check_that_harm_is_noticed(folder, tmp_path / "again", cut, capsys)


def test_rows_of_a_damaged_file_are_saved_and_the_damage_is_said(folder, capsys):
    path = feature_cache.cache_file(folder, PRINT)

    def overwrite(data):
        data[len(data) // 2 : len(data) // 2 + 4096] = bytes(4096)

    harm(path, overwrite)
    kept = opened(folder)
    found = kept.get(KEYS)
    assert 20 <= len(found) < 40
    said = capsys.readouterr().err
    assert said.startswith(f"warning: {path}: damaged (") or kept.damaged


def test_what_is_not_ours_is_set_aside_untouched(folder, capsys):
    path = feature_cache.cache_file(folder, PRINT)
    path.unlink()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE recipes (name)")
    connection.close()
    before = path.read_bytes()
    assert opened(folder).has(KEYS) == set()
    assert path.with_name(f"{path.name}.damaged").read_bytes() == before
    assert (
        "damaged (another program's file); 0 of its rows could be saved" in capsys.readouterr().err
    )


def test_a_text_file_in_its_place_is_set_aside(folder, capsys):
    feature_cache.cache_file(folder, PRINT).write_text("something of the user's " * 400)
    assert opened(folder).has(KEYS) == set()
    assert "file is not a database" in capsys.readouterr().err


def test_another_networks_file_is_not_used(folder, capsys):
    feature_cache.cache_file(folder, PRINT).rename(feature_cache.cache_file(folder, "e" * 64))
    assert FeatureCache(folder, "e" * 64, (300,), "float32", "another").get(KEYS) == {}
    assert "made for something else" in capsys.readouterr().err


def test_a_newer_versions_file_is_refused_and_kept(folder):
    path = feature_cache.cache_file(folder, PRINT)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 2")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StageError, match="must be of format 1; got 2, of a newer version"):
        opened(folder)
    assert path.read_bytes() == before


def test_a_full_database_is_said(folder):
    kept = opened(folder)
    kept._file._open[0]._connection.execute("PRAGMA max_page_count = 1")
    with pytest.raises(StageError, match="the disk is full; free some space and run again"):
        kept.put([feature_cache.feature_key(f"{n:064x}", view=1) for n in range(40)], VALUES)
    assert kept.has(KEYS) == set(KEYS)


WRITER = """
import sys, numpy as np
from pathlib import Path
from stages import rows
values = np.random.default_rng(0).random((400, 2048), np.float32)
keys = [rows.key(f"{n:064x}") for n in range(400)]
order = np.random.default_rng(int(sys.argv[2])).permutation(400)
kept = rows.Rows(Path(sys.argv[1]), "f" * 64, (2048,), "float32", "a network")
for at in range(0, 400, 8):
    some = order[at:at + 8]
    kept.put([keys[i] for i in some], values[some])
    assert all((kept.get([keys[i]])[keys[i]] == values[i]).all() for i in some)
print(len(kept.has(keys)))
"""


def writer(folder, seed, **kwargs):
    command = [sys.executable, "-c", WRITER, str(folder), str(seed)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_several_processes_make_and_fill_one_file(tmp_path):
    writers = [writer(tmp_path, seed) for seed in range(4)]
    for process in writers:
        out, err = process.communicate()
        assert (out.strip(), err) == (b"400", b"")
    assert [path.name for path in (tmp_path / feature_cache.FOLDER).iterdir()] == [
        f"{'f' * 16}.sqlite"
    ]


def test_a_kill_leaves_whole_batches_and_a_sound_file(tmp_path):
    rng = np.random.default_rng()
    path = feature_cache.cache_file(tmp_path, PRINT)
    for _ in range(10):
        process = writer(tmp_path, 0)
        while not path.exists():
            assert process.poll() is None
        try:
            process.wait(float(rng.uniform(0, 0.3)))
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate()
        with sqlite3.connect(path) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            ((keys,),) = connection.execute("SELECT count(*) FROM keys").fetchall()
            ((vectors,),) = connection.execute("SELECT count(*) FROM vectors").fetchall()
        assert keys == vectors and keys % 8 == 0


@given(groups=st.lists(st.lists(st.integers(0, 39), max_size=9, unique=True), max_size=8))
def test_it_is_a_dictionary_that_keeps_the_first(groups, tmp_path_factory):
    folder = tmp_path_factory.mktemp("rows")
    model = {}
    for number, group in enumerate(groups):
        kept = opened(folder)
        values = np.full((len(group), 300), number, np.float32)
        kept.put([KEYS[i] for i in group], values)
        model = {KEYS[i]: number for i in group} | model
        kept.close()
    found = {key: float(value[0]) for key, value in opened(folder).get(KEYS).items()}
    assert found == model


def test_rows_note_the_day_of_their_use(folder, monkeypatch):
    monkeypatch.setattr(feature_cache.time, "time", lambda: 2e9)
    opened(folder).get(KEYS[:3])
    with sqlite3.connect(feature_cache.cache_file(folder, PRINT)) as connection:
        days = [day for (day,) in connection.execute("SELECT used FROM keys ORDER BY used")]
    assert days[-3:] == [int(2e9 // 86400)] * 3 and days[-4] < days[-3]


@pytest.fixture
def closed(folder):
    """A store that may be read but not written, not even by root."""
    if os.name == "nt":
        pytest.skip("Windows knows no read-only folders")
    uid, above = os.getuid(), [folder, *folder.parents]
    modes = {place: place.stat().st_mode for place in above}
    feature_cache.cache_file(folder, PRINT).chmod(0o444)
    (folder / feature_cache.FOLDER).chmod(0o555)
    if uid == 0:
        for place in above:
            place.chmod(modes[place] | 0o555)
        os.setresuid(NOBODY, NOBODY, uid)
    yield folder
    if uid == 0:
        os.setresuid(uid, uid, uid)
        for place in above:
            place.chmod(modes[place])
    (folder / feature_cache.FOLDER).chmod(0o755)


NEW = feature_cache.feature_key("a" * 64)


def test_a_read_only_file_is_read_and_said(closed, capsys):
    kept = opened(closed)
    kept.put([NEW], VALUES[:1])
    assert kept.has([*KEYS, NEW]) == {*KEYS, NEW}
    assert (kept.get([NEW])[NEW] == VALUES[0]).all()
    assert "cannot be written, so what this run computes is not kept" in capsys.readouterr().err
    kept.close()
    assert opened(closed).has([NEW]) == set()


def test_a_store_that_cannot_be_made_is_said(closed, capsys):
    kept = FeatureCache(closed, "e" * 64, (300,), "float32", "another")
    kept.put([NEW], VALUES[:1])
    assert kept.has([*KEYS, NEW]) == {NEW}
    assert "cannot be made in this folder, so what this run" in capsys.readouterr().err


def test_a_flipped_key_in_the_index_is_noticed_and_no_row_is_lost(folder, capsys):
    path = feature_cache.cache_file(folder, PRINT)
    harm(path, lambda data: flip_key(data, KEYS[7], 1))
    kept = opened(folder)
    assert kept.has(KEYS) != set(KEYS)
    kept.check_index()
    assert "40 of its rows could be saved" in capsys.readouterr().err
    assert kept.has(KEYS) == set(KEYS)
    kept.close()
    assert whole(folder)


def test_a_flipped_key_in_the_table_is_noticed_too(folder, capsys):
    harm(feature_cache.cache_file(folder, PRINT), lambda data: flip_key(data, KEYS[7], 0))
    kept = opened(folder)
    assert set(kept.get(KEYS)) == set(KEYS) - {KEYS[7]}
    assert "39 of its rows could be saved" in capsys.readouterr().err
    kept.put(KEYS[7:8], VALUES[7:8])
    kept.close()
    assert whole(folder)


def flip_key(data, key, number):
    """Flips a bit of a key: where the table has it, 0, or the index behind it, 1."""
    places = [match.start() for match in re.finditer(re.escape(key), bytes(data))]
    assert len(places) == 2
    data[places[number]] ^= 1


def test_a_sound_index_is_left_alone(folder, capsys):
    kept = opened(folder)
    kept.check_index()
    assert whole(folder) and capsys.readouterr().err == ""
