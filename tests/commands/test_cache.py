import shutil
import sqlite3
import sys
import time

import pytest

from classifier.cache import features as feature_cache
from classifier.cache import files as file_index
from tests.project import draw

pytestmark = pytest.mark.slow


def store(project, *arguments, ok=True):
    return project.shell(sys.executable, "-m", "classifier", "cache", *arguments, ok=ok)


def files(project):
    return sorted((project.folder / ".cache" / feature_cache.FOLDER).glob("*.sqlite"))


def counts(project):
    """Returns rows, rows in use and rows chosen of each network that is listed."""
    lines = store(project, "--unused").stdout.splitlines()[1:-1]
    return [tuple(map(int, line.split()[1:4])) for line in lines]


def execute(path, statement):
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()


@pytest.fixture
def two_networks(project):
    """A store with the rows of another network besides those in use."""
    (path,) = files(project)
    shutil.copy(path, path.with_name(f"{'0' * 16}.sqlite"))
    return project


def test_it_shows_what_is_kept_for_which_network(project):
    (path,) = files(project)
    heading, line, closing = store(project).stdout.splitlines()
    assert heading.split()[:4] == ["fingerprint", "rows", "in", "use"]
    assert line.split()[:4] == [path.stem, "21", "21", "0"]
    execute(path, "UPDATE keys SET used = 20000")  # 20,000 days after 1970-01-01
    assert "2024-10-04  75x75 pixels to mixed1" in store(project).stdout
    assert closing.endswith(" MB in all; choose what to delete with --unused or --older-than DAYS")


def test_a_dry_run_deletes_nothing(two_networks):
    before = [path.read_bytes() for path in files(two_networks)]
    said = store(two_networks, "--unused").stdout
    assert "21 rows would be deleted, of " in said and "add --delete to do so" in said
    assert counts(two_networks) == [(21, 0, 21), (21, 21, 0)]
    assert [path.read_bytes() for path in files(two_networks)] == before


def test_what_no_present_image_uses_is_deleted(two_networks):
    (two_networks.folder / "input" / "test" / "0.jpg").unlink()
    two_networks.repro()
    assert counts(two_networks) == [(21, 0, 21), (21, 20, 1)]
    assert store(two_networks, "--unused", "--delete").stdout.splitlines()[-1].startswith("22 rows")
    assert counts(two_networks) == [(20, 20, 0)]
    assert "extract: 20 images, 0 new " in two_networks.stage("extract").stdout


def test_what_was_not_used_for_long_is_deleted(project):
    (path,) = files(project)
    execute(path, f"UPDATE keys SET used = {feature_cache.today() - 31} WHERE id <= 5")
    assert "0 rows would be deleted" in store(project, "--older-than", "31").stdout
    assert "5 rows would be deleted" in store(project, "--older-than", "30").stdout
    assert "0 rows would be deleted" in store(project, "--older-than", "30", "--unused").stdout
    assert "5 rows deleted" in store(project, "--older-than", "30", "--delete").stdout
    assert counts(project) == [(16, 16, 0)]


def test_files_that_are_no_more_are_forgotten(project):
    new = draw(project.folder / "input" / "test" / "new.jpg", "cross", 200)
    time.sleep(file_index.GRAIN_NS / 1e9)  # younger files are not remembered
    project.repro("validate")
    new.unlink()
    assert "1 files that are no more forgotten" in store(project, "--unused", "--delete").stdout
    assert "0 files that are no more forgotten" in store(project, "--unused", "--delete").stdout


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        ("UPDATE vectors SET value = zeroblob(1152) WHERE id = 3", "1 rows do not fit their seal"),
        ("DELETE FROM vectors WHERE id = 3", "1 of keys without vectors"),
        ("DELETE FROM keys WHERE id IN (1, 2)", "2 of vectors without keys"),
        ("PRAGMA application_id = 1", "damaged (another program's file)"),
    ],
)
def test_a_check_tells_what_is_wrong_and_the_next_run_mends_it(harm, said, project):
    (path,) = files(project)
    assert store(project, "--check").stderr == ""
    execute(path, harm)
    done = store(project, "--check", ok=False)
    assert done.returncode == 1
    assert f"{path.relative_to(project.folder)}: " in done.stderr and said in done.stderr
    assert project.stage("extract").returncode == 0


def test_without_results_nothing_counts_as_unused(project):
    (project.folder / "results" / "images.csv").unlink()
    done = store(project, "--unused", "--delete", ok=False)
    assert (done.returncode, len(files(project))) == (1, 1)
    assert done.stderr.startswith("error: results/images.csv and models/base: must be there")


def test_an_empty_store_is_said(project):
    shutil.rmtree(project.folder / ".cache")
    assert store(project).stdout.startswith(".cache: no features are kept\n")
    assert not (project.folder / ".cache").exists()
