"""Whatever happens to the process, the disk or the cache: nothing lost, nothing wrong."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from benchmarks import kills
from classifier.cache import features as feature_cache
from tests.feature_tables import contents
from tests.project import Project, copy, draw

pytestmark = pytest.mark.slow

REPRO = (*kills.COMMANDS["dvc repro"], "extract")
OUTPUTS = ("results/features_train", "results/features_test")


@pytest.fixture(scope="session")
def undisturbed(finished, shared_folder):
    """A folder with a project before and after `extract`, which nothing disturbed.

    It has 40 more images than the finished one, validated and frozen, and no cached features.
    """

    def run(folder: Path) -> None:
        start = copy(finished, folder / "start")
        for number in range(40):
            draw(start.folder / "input" / "test" / f"more {number}.jpg", "cross", 500 + number)
        start.repro("validate")
        for name in (".cache", ".git", ".dvc/cache"):
            shutil.rmtree(start.folder / name, ignore_errors=True)
        start.shell("dvc", "config", "core.no_scm", "true")
        for name in OUTPUTS:
            shutil.rmtree(start.folder / name)
        assert copy(start, folder / "end").stage("extract").returncode == 0

    return shared_folder("undisturbed", run)


@pytest.fixture
def fresh(undisturbed, tmp_path):
    return copy(Project(undisturbed / "start"), tmp_path / "project")


@pytest.fixture(scope="session")
def expected(undisturbed):
    return outputs(Project(undisturbed / "end"))


def outputs(project):
    return [contents(project.folder / name) for name in OUTPUTS]


def new(project):
    """Runs the stage to its end and returns its forward passes."""
    done = project.stage("extract")
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split(" images, ")[1].split(" new")[0])


def cached(project):
    """Returns the number of cached features, all intact."""
    problems, count = kills.check_cache(project.folder)
    assert problems == ()
    return count


@pytest.mark.parametrize(
    ("command", "count"), [(kills.COMMANDS["extract"], 2), (REPRO, 1)], ids=["extract", "dvc repro"]
)
def test_a_kill_costs_a_batch_at_most_and_changes_no_byte(command, count, fresh, tmp_path):
    kills.log_passes(fresh.folder)
    outcomes = kills.kills(fresh.folder, tmp_path / "killed", command, count, time.time_ns())
    for outcome in outcomes:
        assert outcome.same_outputs and not outcome.problems and 0 <= outcome.repeated <= 4, outcome


def interrupted(project) -> tuple[int, str]:
    """Interrupts `extract` once something is cached; returns its exit code and message."""
    command = (sys.executable, "-m", "stages.extract")
    process = subprocess.Popen(command, cwd=project.folder, stderr=subprocess.PIPE, text=True)
    while not cached(project) and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, message = process.communicate()
    return process.returncode, message


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no SIGINT for a single process")
def test_ctrl_c_keeps_the_work_and_reports_it(fresh, expected):
    code = 0
    while code == 0:  # on a busy machine it may be done before the signal comes
        shutil.rmtree(fresh.folder / ".cache", ignore_errors=True)
        code, message = interrupted(fresh)
    count = cached(fresh)
    assert code == 130
    images = "1 new image" if count == 1 else f"{count} new images"
    done = f"interrupted; the features of {images} are cached; run `dvc repro` to resume\n"
    assert message == done
    assert 0 < count < 61 and new(fresh) == 61 - count
    assert outputs(fresh) == expected


@pytest.fixture
def small_disk(fresh):
    """Puts a file system of 128 kB at a folder of the project; it grows when asked to."""
    mounted = []

    def mount(name, size="128k"):
        place = fresh.folder / name
        place.mkdir(exist_ok=True)
        options = f"size={size}" + (",remount" if place in mounted else "")
        command = ("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place))
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("only root may mount a small disk, on Linux")
        mounted.append(place)

    yield mount
    for place in set(mounted):
        subprocess.run(("umount", str(place)), check=True)


@pytest.mark.skipif(not shutil.which("mount"), reason="this system has no mount")
def test_a_full_disk_below_the_cache_is_an_error_until_there_is_room(fresh, expected, small_disk):
    small_disk(".cache")
    done = fresh.stage("extract")
    assert done.returncode == 1
    assert done.stderr.startswith("error: .cache/features/")
    assert "the disk is full; free some space and run again" in done.stderr
    before = cached(fresh)
    small_disk(".cache", "4m")
    assert new(fresh) == 61 - before < 61
    assert outputs(fresh) == expected


@pytest.mark.skipif(not shutil.which("mount"), reason="this system has no mount")
def test_a_full_disk_below_the_outputs_is_an_error_until_there_is_room(fresh, expected, small_disk):
    results = fresh.folder / "results"
    tables = {name: (results / name).read_bytes() for name in ("images.csv", "unlabelled.csv")}
    small_disk("results", "48k")
    for name, content in tables.items():
        (results / name).write_bytes(content)
    done = fresh.stage("extract")
    assert done.returncode == 1
    message = "npz: the disk is full; free some space and run again\n"
    assert done.stderr.startswith("error: results/f") and done.stderr.endswith(message)
    assert not list(results.rglob("*.part"))
    small_disk("results", "4m")
    assert new(fresh) == 0
    assert outputs(fresh) == expected


def test_two_checkouts_fill_one_cache_at_once(fresh, expected, tmp_path):
    (tmp_path / "shared").mkdir()
    (fresh.folder / ".cache").symlink_to(tmp_path / "shared")
    checkouts = [fresh, copy(fresh, tmp_path / "other")]
    command = (sys.executable, "-m", "stages.extract")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    running = [subprocess.Popen(command, cwd=one.folder, **pipes) for one in checkouts]
    output = [process.communicate() for process in running]
    assert [err for _, err in output] == ["", ""]
    passes = [int(re.search(r"(\d+) new", out)[1]) for out, _ in output]
    assert 61 <= sum(passes) <= 122
    assert [outputs(one) for one in checkouts] == [expected, expected]
    assert cached(fresh) == 61


def test_a_kill_while_the_cache_is_divided_loses_nothing(fresh, expected):
    code = fresh.folder / "classifier" / "cache" / "features.py"
    code.write_text(code.read_text().replace("LIMIT = 2_000_000", "LIMIT = 30"))
    parts = fresh.folder / ".cache" / feature_cache.FOLDER
    process = subprocess.Popen((sys.executable, "-m", "stages.extract"), cwd=fresh.folder)
    while len(list(parts.glob("*/*.sqlite"))) < 5 and process.poll() is None:
        time.sleep(0.001)
    process.kill()
    process.wait()
    count = cached(fresh)
    assert 30 < count < 61 and new(fresh) == 61 - count
    assert len(list(parts.glob("*/*.sqlite"))) > 30
    assert outputs(fresh) == expected
    assert cached(fresh) == 61


def damage(project, change):
    """Fills the cache of a project and changes its bytes."""
    assert new(project) == 61
    (path,) = (project.folder / ".cache" / feature_cache.FOLDER).glob("*.sqlite")
    data = bytearray(path.read_bytes())
    change(data)
    path.write_bytes(data)
    for name in OUTPUTS:
        shutil.rmtree(project.folder / name)


def flip(data):
    for position in np.random.default_rng(5).integers(8192, len(data), 5):
        data[position] ^= 1 << (position % 8)


def truncate(data):
    del data[len(data) // 3 :]


def replace(data):
    data[:] = b"something else " * 1000


@pytest.mark.parametrize("change", [flip, truncate, replace])
def test_a_damaged_cache_recovers(change, fresh, expected):
    damage(fresh, change)
    new(fresh)
    assert outputs(fresh) == expected
    assert cached(fresh) <= 61  # all intact
    new(fresh)  # a row that was read before the damage, and lost in the recovery
    assert cached(fresh) == 61
    assert new(fresh) == 0
    assert outputs(fresh) == expected


def test_a_cache_of_a_newer_version_is_refused_until_it_is_deleted(fresh, expected):
    def newer(data):
        data[60:64] = (9).to_bytes(4, "big")  # where SQLite keeps PRAGMA user_version

    damage(fresh, newer)
    done = fresh.stage("extract")
    assert done.returncode == 1 and "of a newer version of this project" in done.stderr
    shutil.rmtree(fresh.folder / ".cache")
    assert new(fresh) == 61
    assert outputs(fresh) == expected


def test_a_lock_file_that_dvc_left_truncated_is_repaired_as_the_docs_say(fresh, expected):
    lock = fresh.folder / "dvc.lock"
    before = lock.read_bytes() if lock.exists() else b""
    lock.write_bytes(b"schema: '2.0'\nstages:\n  validate:\n    cmd: python -m st")
    kills.resume(fresh.folder, REPRO, before)
    assert outputs(fresh) == expected


def shard(project, number):
    """Starts one of three shards of `extract`."""
    command = (sys.executable, "-m", "stages.extract", "--shard", f"{number}/3")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=project.folder, **pipes)


def test_what_three_machines_compute_is_what_one_computes(fresh, expected):
    running = [shard(fresh, number) for number in (1, 2)]
    files = fresh.folder / ".cache" / "shards"
    while not list(files.glob("*.2-of-3.sqlite.unfinished-wal")) and running[1].poll() is None:
        time.sleep(0.01)
    running[1].kill()
    running[1].communicate()
    running.append(shard(fresh, 2))  # the third is never started
    output = [process.communicate() for process in (running[0], running[2])]
    assert [err for _, err in output] == ["", ""]
    finished = {path.name[17:] for path in files.iterdir()}
    assert finished == {"1-of-3.sqlite", "2-of-3.sqlite"}
    assert not any((fresh.folder / name).exists() for name in OUTPUTS)
    done = fresh.stage("extract")
    assert re.match(r"extract: \d+ features of other processes now in the cache\n", done.stdout)
    added = int(done.stdout.split()[1])
    assert 20 < added < 61 and f"extract: 61 images, {61 - added} new " in done.stdout
    assert outputs(fresh) == expected
    assert list(files.iterdir()) == []
