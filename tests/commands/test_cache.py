import shutil
import sqlite3
import sys
import time
from contextlib import closing

import numpy as np
import pytest

from classifier.cache import feature_file
from classifier.cache import features as feature_cache
from classifier.cache import files as file_index
from classifier.cache.database import Database
from classifier.cache.features import FeatureCache
from classifier.cache.results import ResultCache, Task
from classifier.commands import cache as command
from classifier.common.errors import StageError
from tests.project import draw

pytestmark = pytest.mark.slow


@pytest.fixture
def here(project, monkeypatch):
    """The project, as the working directory."""
    monkeypatch.chdir(project.folder)
    return project


@pytest.fixture
def run(here, monkeypatch, capsys):
    """Returns a function that runs the command and returns the lines it prints."""

    def run(*args):
        monkeypatch.setattr(sys, "argv", ["cache", *args])
        command.main()
        return capsys.readouterr().out.splitlines()

    return run


def files(project):
    return sorted((project.folder / ".cache" / feature_cache.FOLDER).glob("*.sqlite"))


def execute(path, *statements):
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def counts(run):
    """Returns features and features in use of each network that is listed."""
    return [tuple(map(int, line.split()[1:3])) for line in run("info")[1:]]


@pytest.fixture
def two_networks(here):
    """A cache with the features of another network besides those in use."""
    (path,) = files(here)
    shutil.copy(path, path.with_name(f"{'0' * 16}.sqlite"))
    return here


def test_info_lists_the_features_of_each_network(here, run):
    (path,) = files(here)
    heading, line = run("info")
    assert heading.split()[:4] == ["network", "features", "in", "use"]
    assert line.split()[:3] == [path.stem, "21", "21"]
    execute(path, "UPDATE keys SET used = 20000")  # 20,000 days after 1970-01-01
    assert "2024-10-04  InceptionV3 up to layers mixed0 and mixed1, 75x75" in run("info")[1]


def test_a_dry_run_deletes_nothing(two_networks, run):
    before = [path.read_bytes() for path in files(two_networks)]
    first, last = run("prune", "--unused")
    assert first == f".cache/features/{'0' * 16}.sqlite: 21 features"
    assert last == "would delete 21 cached features; add --yes to delete"
    assert counts(run) == [(21, 0), (21, 21)]
    assert [path.read_bytes() for path in files(two_networks)] == before


def test_prune_deletes_what_no_current_image_uses(two_networks, run):
    (two_networks.folder / "input" / "test" / "0.jpg").unlink()
    two_networks.repro("extract")
    assert run("prune", "--unused", "--yes")[-1].startswith("deleted 22 cached features; ")
    assert counts(run) == [(20, 20)]
    assert "extract: 20 images, 0 new " in two_networks.stage("extract").stdout


def test_prune_deletes_what_was_not_used_for_long(here, run):
    (path,) = files(here)
    execute(path, f"UPDATE keys SET used = {feature_file.today() - 31} WHERE id <= 5")
    assert "would delete 0 cached features" in run("prune", "--older-than", "31")[0]
    assert "would delete 5 cached features" in run("prune", "--older-than", "30")[-1]
    assert "would delete 0 cached features" in run("prune", "--older-than", "30", "--unused")[0]
    assert run("prune", "--older-than", "30", "--yes")[-1] == "deleted 5 cached features"
    assert "would delete 0 cached features" in run("prune", "--older-than", "9" * 30)[0]
    assert counts(run) == [(16, 16)]


def test_prune_removes_index_entries_of_deleted_files(here, run):
    new = draw(here.folder / "input" / "test" / "new.jpg", "cross", 200)
    time.sleep(file_index.CLOCK_NS / 1e9)  # files changed just now are not remembered
    here.repro("validate")
    new.unlink()
    gone = Task(("0" * 64,), "recipe")
    with closing(ResultCache(here.folder / ".cache")) as cache:
        cache.put({gone: b"result"})
    message = "deleted 0 cached features; removed {} of deleted files"
    assert run("prune", "--unused", "--yes") == [message.format("1 index entry")]
    with closing(ResultCache(here.folder / ".cache")) as cache:
        assert cache.get([gone]) == {}
    assert run("prune", "--unused", "--yes") == [message.format("0 index entries")]


def test_files_of_an_older_version_and_those_set_aside_are_listed_and_pruned(two_networks, run):
    old, _ = files(two_networks)
    execute(old, "PRAGMA user_version = 1", "ALTER TABLE keys RENAME COLUMN checksum TO seal")
    aside = old.with_name(f"{'a' * 16}.sqlite.damaged")
    aside.write_bytes(b"damaged" * 100_000)
    listing = "\n".join(run("info"))
    assert f"{aside.relative_to(two_networks.folder)}: set aside, 0.7 MB" in listing
    assert f"{old.name}: written by an older version of this project, 0." in listing
    assert run("verify") == ["21 cached features intact"]
    *listed, last = run("prune", "--unused")
    assert len(listed) == 2 and f".cache/features/{aside.name}: set aside" in listed
    assert last == "would delete 0 cached features and 2 unusable files; add --yes to delete"
    run("prune", "--unused", "--yes")
    assert not old.exists() and not aside.exists() and counts(run) == [(21, 21)]


def test_a_divided_cache_is_one_network(here, run):
    (path,) = files(here)
    with closing(Database(path, (), None)) as file:
        meta = file.meta
    shape = [int(size) for size in meta["shape"].split()]
    arguments = meta["fingerprint"], shape, meta["dtype"], meta["note"]
    with closing(FeatureCache(here.folder / ".cache", *arguments, limit=21)) as cache:
        cache.put([bytes(36)], np.zeros((1, *shape)))
    parts = sorted(path.with_suffix("").iterdir())
    assert len(parts) > 10 and counts(run) == [(22, 21)]
    assert run("verify") == ["22 cached features intact"]
    assert run("prune", "--unused", "--yes")[-1].startswith("deleted 1 cached feature; ")
    assert not parts[0].exists() and counts(run) == [(21, 21)]
    execute(parts[1], "DELETE FROM vectors")
    with pytest.raises(StageError, match=f"{parts[1].name}: 1 damaged row"):
        run("verify")
    parts[2].write_bytes(b"damaged" * 1000)
    for name in ("train", "test"):
        shutil.rmtree(here.folder / "results" / f"features_{name}")
    shutil.rmtree(here.folder / ".dvc" / "cache")  # has the features of the last commit
    assert "extract: 21 images, 2 new " in here.stage("extract").stdout


def test_merge_adds_the_features_of_another_cache(here, run):
    (here.folder / ".cache" / "features").rename(here.folder / "other")
    for name in ("train", "test"):
        shutil.rmtree(here.folder / "results" / f"features_{name}")
    assert run("merge", "other") == ["21 features added, 0 were there"]
    assert run("merge", "other") == ["0 features added, 21 were there"]
    assert "extract: 21 images, 0 new " in here.stage("extract").stdout


def test_a_shard_that_is_not_merged_is_listed_and_kept(here, run):
    (path,) = files(here)
    folder = here.folder / ".cache" / "shards"
    folder.mkdir()
    for network in (path.stem, "0" * 16):
        shutil.copy(path, folder / f"{network}.1-of-2.sqlite")
    assert [line.split(",")[0] for line in run("info")[2:]] == [
        f".cache/shards/{network}.1-of-2.sqlite: not in the cache yet"
        for network in sorted([path.stem, "0" * 16])
    ]
    run("prune", "--unused", "--yes")
    assert [file.name for file in folder.iterdir()] == [f"{path.stem}.1-of-2.sqlite"]


def test_files_of_others_are_never_deleted(two_networks, run):
    cache = two_networks.folder / ".cache"
    others = ("notes.sqlite", "features/a.sqlite.damaged", "mine/backup.sqlite.old", "files.sql")
    (cache / "mine").mkdir()
    for name in others:
        (cache / name).write_text("mine")
    foreign = cache / "features" / f"{'b' * 16}.sqlite"
    with closing(sqlite3.connect(foreign)) as connection:
        connection.execute("CREATE TABLE mine (value)")
    cache.rename(two_networks.folder / "elsewhere")
    cache.symlink_to("elsewhere")
    run("prune", "--unused", "--yes")
    assert foreign.exists() and all((cache / name).exists() for name in others)
    assert cache.is_symlink() and len(files(two_networks)) == 2  # in use, foreign


def test_verify_sees_no_damage_in_rows_that_another_process_adds_meanwhile(here, run, monkeypatch):
    (path,) = files(here)
    is_intact, copy = feature_file.is_intact, "INSERT INTO {0} SELECT id + 99, {1} FROM {0}"

    def add(*row):
        monkeypatch.setattr(feature_file, "is_intact", is_intact)
        columns = {"keys": "CAST(key || id AS BLOB), checksum, used", "vectors": "value"}
        execute(path, *(copy.format(*table) for table in columns.items()))
        return is_intact(*row)

    monkeypatch.setattr(feature_file, "is_intact", add)
    assert run("verify") == ["21 cached features intact"]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("UPDATE vectors SET value = zeroblob(1152) WHERE id = 3", "1 damaged row; "),
        ("DELETE FROM vectors WHERE id = 3", "1 damaged row; "),
        ("DELETE FROM keys WHERE id IN (1, 2)", "2 damaged rows; "),
        ("PRAGMA application_id = 1", "damaged (another program's file)"),
    ],
)
def test_verify_names_damage_that_the_next_run_repairs(damage, message, here, run):
    (path,) = files(here)
    assert run("verify") == ["21 cached features intact"]
    execute(path, damage)
    with pytest.raises(StageError) as error:
        run("verify")
    assert f"{path.relative_to(here.folder)}: {message}" in str(error.value)
    assert here.stage("extract").returncode == 0


def test_a_damaged_page_is_an_error_without_traceback(here, run):
    (path,) = files(here)
    data = bytearray(path.read_bytes())
    data[8192:] = bytes(len(data) - 8192)  # all but the tables' names and what the file is
    path.write_bytes(data)
    for args in (["info"], ["verify"], ["prune", "--unused"]):
        with pytest.raises(StageError, match=r"damaged \(.*\); `dvc repro` computes again"):
            run(*args)


def test_without_results_nothing_counts_as_unused(here, run):
    (here.folder / "results" / "images.csv").unlink()
    with pytest.raises(
        StageError, match=r"results/images\.csv and models/base: must exist to tell"
    ):
        run("prune", "--unused", "--yes")
    assert len(files(here)) == 1


def test_an_empty_cache_is_not_created(here, run):
    shutil.rmtree(here.folder / ".cache")
    assert run("info") == [".cache: no features"]
    assert run("verify") == ["0 cached features intact"]
    assert not (here.folder / ".cache").exists()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("prune",), "say what to delete: --unused, --older-than DAYS, or both"),
        (("prune", "--older-than", "-1"), "--older-than: must be 0 or more; got -1"),
        ((), "the following arguments are required: ACTION"),
    ],
)
def test_a_wrong_usage_exits_with_2(args, message, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["cache", *args])
    with pytest.raises(SystemExit) as error:
        command.main()
    assert error.value.code == 2
    assert message in capsys.readouterr().err


def test_help_has_an_example(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["cache", "--help"])
    with pytest.raises(SystemExit):
        command.main()
    assert "python -m classifier cache prune --unused --yes" in capsys.readouterr().out
