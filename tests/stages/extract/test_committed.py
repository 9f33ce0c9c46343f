import shutil

import pytest

from classifier.cache import features as feature_cache
from classifier.cache.features import FeatureCache
from classifier.dataset import features
from stages.extract import committed
from tests.project import commit, needs_git

pytestmark = pytest.mark.slow

OUTPUTS = (features.TRAIN, features.TEST)


@pytest.fixture
def there(project, monkeypatch):
    monkeypatch.chdir(project.folder)
    return project


@pytest.fixture
def table(there):
    return features.read(there.folder / features.TRAIN)


def empty(folder, table):
    return FeatureCache(folder, str(table.fingerprint), table.features.shape[1:], "float32", "")


@needs_git
def test_the_outputs_of_the_last_commit_are_found_though_they_were_deleted(there):
    wanted = [(there.folder / path).read_bytes() for path in OUTPUTS]
    for path in OUTPUTS:
        (there.folder / path).unlink()
    assert [path.read_bytes() for path in committed.find(*OUTPUTS)] == wanted


@needs_git
def test_what_is_in_no_cache_is_not_found(there):
    shutil.rmtree(there.folder / ".dvc" / "cache")
    assert committed.find(*OUTPUTS) == []


def test_no_commit_and_no_repository_are_no_error(there, tmp_path, monkeypatch):
    shutil.rmtree(there.folder / ".git", ignore_errors=True)
    assert committed.find(*OUTPUTS) == []
    monkeypatch.chdir(tmp_path)
    assert committed.find(*OUTPUTS) == []


def test_rows_are_adopted_as_they_were_computed(there, table, tmp_path):
    kept = empty(tmp_path, table)
    keys = [feature_cache.feature_key(sha256) for sha256 in table.sha256.tolist()]
    kept.put(keys[:1], table.features[:1])
    committed.import_features(kept, features.TRAIN, str(table.fingerprint))
    found = kept.get(keys)
    assert all((found[key] == row).all() for key, row in zip(keys, table.features, strict=True))


def test_rows_of_another_network_are_not(there, table, tmp_path):
    kept = FeatureCache(tmp_path, "f" * 64, table.features.shape[1:], "float32", "")
    committed.import_features(kept, features.TRAIN, "f" * 64)
    assert kept.has(feature_cache.feature_key(sha256) for sha256 in table.sha256.tolist()) == set()


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_damaged_file_gives_nothing_and_is_said(share, there, table, tmp_path, capsys):
    data = bytearray(features.TRAIN.read_bytes())
    start = data.index(table.features[:].tobytes())
    data[start + int(share * table.features[:].nbytes)] ^= 1
    (tmp_path / "train.npz").write_bytes(data)
    (tmp_path / "cut.npz").write_bytes(data[:5000])
    kept = empty(tmp_path, table)
    for name in ("train.npz", "cut.npz"):
        committed.import_features(kept, tmp_path / name, str(table.fingerprint))
        assert f"warning: {tmp_path / name}: damaged (" in capsys.readouterr().err
    assert kept.has(feature_cache.feature_key(sha256) for sha256 in table.sha256.tolist()) == set()


@needs_git
def test_the_last_commit_counts_not_the_last_run(there):
    before = features.TEST.read_bytes()
    (there.folder / "input" / "test" / "0.jpg").unlink()
    there.repro()
    assert features.TEST.read_bytes() != before
    assert committed.find(features.TEST)[0].read_bytes() == before
    commit(there, "one fewer")
    assert committed.find(features.TEST)[0].read_bytes() == features.TEST.read_bytes()
