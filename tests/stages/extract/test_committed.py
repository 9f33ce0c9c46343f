import shutil

import pytest

from classifier.cache.features import FeatureCache
from classifier.dataset import features
from classifier.images.augmentation import view_key
from stages.extract import committed
from tests.project import commit, needs_git

pytestmark = pytest.mark.slow

OUTPUTS = (features.TRAIN, features.TEST)


@pytest.fixture
def here(project, monkeypatch):
    """The project, as the working directory."""
    monkeypatch.chdir(project.folder)
    return project


@pytest.fixture
def table(here):
    return features.read(here.folder / features.TRAIN)


def files_of(folder):
    return [(folder / name).read_bytes() for name in (features.TABLE, "part-000.npz")]


def committed_files(*folders):
    return [[path.read_bytes() for path in paths] for paths in committed.find(*folders)]


def import_table(cache, fingerprint):
    folder = features.TRAIN
    return committed.import_table(
        cache, fingerprint, folder / features.TABLE, features.part_path(folder, 0)
    )


def keys(table):
    return [view_key(sha256) for sha256 in features.hex_hashes(table.sha256[:])]


def empty_cache(folder, table):
    return FeatureCache(folder, str(table.fingerprint), table.features.shape[1:], "float32", "")


@needs_git
def test_outputs_of_the_last_commit_are_found_after_they_were_deleted(here):
    expected = [files_of(path) for path in OUTPUTS]
    for path in OUTPUTS:
        shutil.rmtree(path)
    assert committed_files(*OUTPUTS) == expected


@needs_git
def test_outputs_missing_from_dvcs_cache_are_not_found(here):
    shutil.rmtree(here.folder / ".dvc" / "cache")
    assert committed.find(*OUTPUTS) == []


def test_no_commit_and_no_repository_are_no_error(here, tmp_path, monkeypatch):
    shutil.rmtree(here.folder / ".git", ignore_errors=True)
    assert committed.find(*OUTPUTS) == []
    monkeypatch.chdir(tmp_path)
    assert committed.find(*OUTPUTS) == []


def test_features_are_imported_as_they_were_computed(here, table, tmp_path):
    cache = empty_cache(tmp_path, table)
    cache.put(keys(table)[:1], table.features[:1])
    fingerprint = str(table.fingerprint)
    assert import_table(cache, fingerprint) == len(table.paths) - 1
    rows = cache.get(keys(table))
    assert all((rows[k] == row).all() for k, row in zip(keys(table), table.features, strict=True))
    assert import_table(cache, fingerprint) == 0


def test_features_of_another_network_are_not_imported(here, table, tmp_path):
    cache = FeatureCache(tmp_path, "f" * 64, table.features.shape[1:], "float32", "")
    assert import_table(cache, "f" * 64) == 0
    assert cache.has(keys(table)) == set()


@needs_git
@pytest.mark.parametrize("fraction", [0.2, 0.5, 0.9, None])
def test_a_damaged_file_adds_nothing_and_is_reported(fraction, here, table, tmp_path, capsys):
    ((_, path),) = committed.find(features.TRAIN)
    data = bytearray(path.read_bytes())
    if fraction is None:
        del data[5000:]
    else:
        values = table.features[:].tobytes()
        data[data.index(values) + int(fraction * len(values))] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    cache = empty_cache(tmp_path, table)
    assert committed.import_features(cache, str(table.fingerprint), features.TRAIN) == 0
    assert f"warning: {path}: damaged (" in capsys.readouterr().err
    assert cache.has(keys(table)) == set()


@needs_git
def test_the_last_commit_counts_not_the_last_run(here):
    before = files_of(features.TEST)
    (here.folder / "input" / "test" / "0.jpg").unlink()
    here.repro("extract")
    assert files_of(features.TEST) != before
    assert committed_files(features.TEST) == [before]
    commit(here, "one fewer")
    assert committed_files(features.TEST) == [files_of(features.TEST)]
