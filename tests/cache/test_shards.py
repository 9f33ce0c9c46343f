import re
from contextlib import closing

import pytest

from classifier.cache import shards
from classifier.cache.features import FeatureCache
from classifier.common.errors import StageError
from tests.cache.test_features import FINGERPRINT, KEYS, VALUES, change_bytes, execute, open_cache


def fill(folder, number, of=3, fingerprint=FINGERPRINT, finish=True):
    """Puts each `of`th row, from `number` on, into a file of its own and returns that."""
    shard = shards.begin(folder, fingerprint, number, of)
    cache = FeatureCache(folder, fingerprint, (300,), "float32", "a network", shard)
    own = slice(number - 1, None, of)
    with closing(cache):
        assert cache.has(KEYS[own]) <= set(KEYS[own])
        cache.put(KEYS[own], VALUES[own])
    return shards.finish(shard) if finish else shard.path


def has(folder):
    with closing(open_cache(folder)) as cache:
        rows = cache.get(KEYS)
    assert all((rows[key] == VALUES[KEYS.index(key)]).all() for key in rows)
    return set(rows)


def test_finished_shards_move_into_the_cache(tmp_path):
    paths = [fill(tmp_path, number) for number in (1, 2)]
    with closing(open_cache(tmp_path)) as cache:
        assert shards.adopt(tmp_path, cache) == (27, 0, 0)
        assert shards.adopt(tmp_path, cache) == (0, 0, 0)
    assert not any(path.exists() for path in paths)
    assert has(tmp_path) == {*KEYS[::3], *KEYS[1::3]}


def test_a_shard_of_another_network_is_not_used_and_named(tmp_path, capsys):
    path = fill(tmp_path, 1, fingerprint="e" * 64)
    with closing(open_cache(tmp_path)) as cache:
        assert shards.adopt(tmp_path, cache) == (0, 0, 0)
    assert path.exists() and f"so not used: {path.name}; " in capsys.readouterr().err


def test_an_unfinished_shard_goes_on_and_a_finished_one_too(tmp_path):
    for finish in (False, True, False):
        path = fill(tmp_path, 1, finish=finish)
        assert execute(path, "SELECT count(*) FROM keys") == [(14,)]
        assert list(path.parent.iterdir()) == [path]
    with closing(open_cache(tmp_path)) as cache:
        assert shards.adopt(tmp_path, cache) == (0, 0, 0)


def test_a_shard_reads_the_cache_but_neither_locks_nor_changes_it(tmp_path):
    with closing(open_cache(tmp_path)) as cache:
        cache.put(KEYS[:5], VALUES[:5])
        path = cache.path
    before = path.read_bytes()
    with closing(open_cache(tmp_path)) as other, other._file._database.transaction():
        shard = shards.begin(tmp_path, FINGERPRINT, 1, 2)
        arguments = FINGERPRINT, (300,), "float32", "a network", shard
        with closing(FeatureCache(tmp_path, *arguments)) as cache:
            assert cache.has(KEYS) == set(cache.get(KEYS)) == set(KEYS[:5])
            cache.put(KEYS[5:9], VALUES[5:9])
            assert cache.has(KEYS) == set(KEYS[:9])
    assert path.read_bytes() == before
    assert has(tmp_path) == set(KEYS[:5])


def test_files_of_another_folder_are_merged_and_stay(tmp_path):
    others = [tmp_path / "a", tmp_path / "b"]
    paths = [fill(others[0], 1), fill(others[0], 2)]
    with closing(open_cache(others[1])) as cache:
        cache.put(KEYS[:9], VALUES[:9])
    before = [path.read_bytes() for path in paths]
    with closing(open_cache(tmp_path / "c")) as cache:
        assert shards.merge([paths[0], others[0], others[1]], cache) == (30, 20, 0)
    assert [path.read_bytes() for path in paths] == before
    assert has(tmp_path / "c") == {*KEYS[::3], *KEYS[1::3], *KEYS[:9]}


def test_an_unfinished_file_is_left_out_with_a_warning(tmp_path, capsys):
    path = fill(tmp_path / "a", 1, finish=False)
    fill(tmp_path / "a", 2)
    with closing(open_cache(tmp_path)) as cache:
        assert shards.merge([tmp_path / "a"], cache).added == 13
    assert capsys.readouterr().err.startswith(f"warning: {path}: not finished, so it is left out")


def test_a_damaged_row_is_left_out(tmp_path):
    path = fill(tmp_path / "a", 1)
    execute(path, "UPDATE vectors SET value = zeroblob(1200) WHERE id = 3")
    with closing(open_cache(tmp_path)) as cache:
        assert shards.merge([path], cache) == (13, 0, 1)
    assert has(tmp_path) == set(KEYS[::3]) - {KEYS[6]}


def test_of_a_damaged_file_the_rows_before_the_damage_are_used(tmp_path, capsys):
    path = fill(tmp_path, 1, of=1)
    change_bytes(
        path, lambda data: data.__setitem__(slice(40_000, None), b"x" * len(data[40_000:]))
    )
    with closing(open_cache(tmp_path)) as cache:
        shards.adopt(tmp_path, cache)
    assert not path.exists() and path.with_name(f"{path.name}.damaged").exists()
    assert "the rest of its features is computed again" in capsys.readouterr().err
    has(tmp_path)


def test_errors_name_all_that_cannot_be_merged_before_anything_is(tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    good, other = fill(tmp_path / "a", 1), fill(tmp_path / "b", 1, fingerprint="e" * 64)
    monkeypatch.setattr(shards.identity, "instructions", lambda _: "x86_64 avx2")
    foreign = fill(tmp_path / "c", 1)
    monkeypatch.undo()
    with closing(open_cache(tmp_path)) as cache:
        with pytest.raises(StageError) as error:
            shards.merge([tmp_path / "empty", other, foreign, good], cache)
        assert cache.has(KEYS) == set()
    messages = error.value.messages
    assert messages[0].startswith(
        f"{tmp_path / 'empty'}: must be a cache, or a file of one; got no"
    )
    network = r"must be of network f{16} \(a network\); got e{16} \(a network\)"
    assert re.match(rf"{other}: {network}", messages[1])
    assert messages[2].startswith(f"{foreign}: must have the processor of the machine")


def test_machines_with_other_processors_do_not_fill_one_folder(tmp_path, monkeypatch):
    path = fill(tmp_path, 1)
    monkeypatch.setattr(shards.identity, "instructions", lambda _: "x86_64 avx2")
    with pytest.raises(StageError, match=f"{path}: must have the processor of the machine"):
        shards.begin(tmp_path, FINGERPRINT, 2, 3)
    with closing(open_cache(tmp_path)) as cache, pytest.raises(StageError, match="the processor"):
        shards.adopt(tmp_path, cache)
    assert path.exists()
