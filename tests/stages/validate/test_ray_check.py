"""On a cluster, the same results as on one machine; real clusters of Ray, and a real S3 server."""

import ctypes
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from PIL import Image

from classifier.cache import database, files
from classifier.cache.files import DecodeResult, FileIdentity, FileIndex
from classifier.common import params
from classifier.common.errors import StageError
from classifier.common.objects import Version
from classifier.dataset import folders, manifest
from classifier.dataset.folders import InputFile
from classifier.dataset.problems import NO_FILE
from classifier.images.decode_pool import DecodePool
from classifier.images.limits import Limits
from stages.validate.input_images import read_images, recipe
from stages.validate.params import Params
from stages.validate.ray_check import Answer, ClusterCheck, Unknown
from tests import s3_server
from tests.project import copy, draw, draw_classes
from tests.ray_cluster import NODES, LocalCluster, needs_ray
from tests.s3_server import needs_s3
from tests.source_code import outs

LIMITS = Limits(max_megapixels=150, max_megabytes=1000, decode_timeout=5)
slow = pytest.mark.slow


@pytest.fixture
def check(inside):
    with (
        closing(FileIndex(database.cache_folder())) as index,
        closing(DecodePool(LIMITS.pixels)) as pool,
    ):
        yield ClusterCheck(index, LIMITS, pool)


def unknown(path):
    return Unknown(str(path), None, files.stat_signature(path.stat()))


def test_a_file_that_a_worker_cannot_see_is_an_error_of_its_machine(check):
    path, errors = draw(Path("input/test/a.jpg"), "cross", 1), []
    lost = (None, DecodeResult(problem="unreadable", detail=NO_FILE))
    check.keep([unknown(path)] * 2, Answer("10.0.0.7", [lost, lost]), errors)
    (message,) = errors
    assert message.startswith("node 10.0.0.7: must see the images that this machine sees; got ")
    assert f"for {Path.cwd() / path}: share that folder with it, or set validate." in message


def test_a_file_that_no_machine_can_read_is_listed_as_without_a_cluster(check):
    path, errors = draw(Path("input/test/a.jpg"), "cross", 1), []
    file = unknown(path)
    path.unlink()
    result = DecodeResult(problem="unreadable", detail="of a worker")
    check.keep([file], Answer("10.0.0.7", [(None, result)]), errors)
    assert errors == []
    assert check.unkept == {path: ("", DecodeResult(problem="unreadable", detail=NO_FILE))}


def test_a_file_of_another_size_or_time_is_not_the_one_that_is_meant(check):
    path, errors = draw(Path("input/test/a.jpg"), "cross", 1), []
    size, *others = files.stat_signature(path.stat()).split()
    read = FileIdentity("0" * 64, " ".join([str(int(size) + 1), *others]))
    check.keep([unknown(path)], Answer("10.0.0.7", [(read, DecodeResult(1, 1))]), errors)
    assert "got 'another size or time' for " in errors[0]


def test_what_a_worker_has_read_is_in_the_index_afterwards(check):
    path = draw(Path("input/test/a.jpg"), "cross", 1)
    file, old = unknown(path), DecodeResult(1, 1)
    read = FileIdentity("0" * 64, file.signature.rsplit(" ", 1)[0] + " 7")  # another inode
    check.keep([file], Answer("10.0.0.7", [(read, old)]), [])
    assert check.index.known([path]) == {path: "0" * 64}
    assert check.index.decode_results(recipe(LIMITS), ["0" * 64]) == {"0" * 64: old}
    assert check.unkept == {}


def found(check, images):
    """Returns all results, once they have been read on a cluster, by file name."""
    check.run(images, len(images), lambda text: None, lambda number: None)
    results = read_images(images, check.index, check.pool, LIMITS, check.unkept)
    return {file.path.name: (sha256, result) for file, sha256, result in results}


class Crashing(Version):
    def matches(self, other):
        ctypes.string_at(0)


class Hanging(Version):
    def matches(self, other):
        time.sleep(1000)


class EndingTheWorker(Version):
    def matches(self, other):
        worker = psutil.Process().parent()
        if worker.name().startswith("ray"):
            worker.kill()
        return True


@slow
@needs_ray
@pytest.mark.parametrize(
    ("kind", "problem"), [(Crashing, "crashed"), (Hanging, "too_slow"), (EndingTheWorker, "")]
)
def test_a_hostile_image_has_its_own_result_and_the_others_theirs(
    kind, problem, cluster, check, tmp_path
):
    images = []
    for number in range(12):
        path = draw(tmp_path / "images" / f"{number}.png", "cross", number)
        version = (kind if number == 5 else Version)(path.stat().st_size, "")
        images.append(InputFile(Path(f"input/file{path}"), "test", "", version=version))
    results = found(check, images)
    assert results.pop("5.png")[1].problem == problem
    assert {result.problem for _, result in results.values()} == {""}
    assert len(results) == 11


@slow
@needs_ray
def test_a_folder_that_is_not_shared_is_an_error_that_names_the_node(cluster, check):
    draw_classes(Path("input"))
    check.root = Path("/nowhere")
    rule = r"^node 127\.0\.0\.[34]: must see .* for /nowhere/input/.*\.jpg: share that folder"
    with pytest.raises(StageError, match=rule) as raised:
        found(check, list(folders.find_files()))
    assert len(raised.value.messages) == 1


@slow
@needs_ray
def test_a_machine_that_would_get_other_results_is_refused(cluster, check, unlike_workers):
    draw_classes(Path("input"))
    with pytest.raises(StageError, match=unlike_workers):
        found(check, list(folders.find_files()))


COUNT = 400


@pytest.fixture(scope="module")
def images(shared_folder):
    def fill(folder):
        draw_classes(folder)
        for number in range(COUNT):
            draw(folder / "test" / f"n{number}.png", "circle", number, size=(320, 240))
        (folder / "test" / "empty.jpg").touch()
        time.sleep(2.1)  # else they would be too new for the index

    return shared_folder("ray images", fill)


@pytest.fixture
def project(images, finished, tmp_path):
    """A project that has not been validated yet, with more images."""
    project = copy(finished, tmp_path / "project")
    shutil.rmtree(project.folder / ".cache")
    shutil.rmtree(project.folder / "input")
    shutil.copytree(images, project.folder / "input")
    return project


def outputs(project, run_on):
    """Returns what the stage writes."""
    project.set("validate.run_on", run_on)
    done = project.stage("validate")
    assert done.returncode == 0, done.stderr
    return {path: (project.folder / path).read_bytes() for path in outs("validate")}, done.stdout


def outputs_here(project):
    shutil.rmtree(project.folder / ".cache")
    return outputs(project, "here")


def known(project):
    path = project.folder / ".cache" / "files.sqlite"
    if not path.exists():
        return 0
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT count(*) FROM files").fetchone()[0]


def start_validate(project, until):
    """Starts the stage, and returns once it has read `until` files."""
    project.set("validate.run_on", "ray")
    driver = subprocess.Popen(
        [sys.executable, "-m", "stages.validate"],
        cwd=project.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while known(project) < until:
        assert driver.poll() is None, driver.communicate()
        time.sleep(0.01)
    return driver


def kill_decoders(cluster, name, stop):
    """Kills each process of the cluster that reads a file of this name."""
    while not stop.is_set():
        for node in list(cluster.nodes.values()):
            for process in node.children(recursive=True):
                try:
                    if any(file.path.endswith(name) for file in process.open_files()):
                        process.kill()
                except psutil.Error:
                    continue


@slow
@needs_ray
def test_all_outputs_have_the_bytes_of_this_machine_even_with_a_crash(cluster, project):
    large = Image.effect_noise((4500, 6000), 90)
    large.save(project.folder / "input" / "test" / "large.jpg", progressive=True)
    before = outputs(project, "ray")
    assert before == outputs_here(project)
    assert "1 skipped: input/test/empty.jpg (empty_file)" in before[1]
    shutil.rmtree(project.folder / ".cache")
    stop = threading.Event()
    killer = threading.Thread(target=kill_decoders, args=(cluster, "/large.jpg", stop))
    killer.start()
    after = outputs(project, "ray")
    stop.set()
    killer.join()
    problems = after[0]["results/problems.csv"].decode()
    assert "input/test/large.jpg,crashed,decoding it crashed the decoder,skipped" in problems
    lost = [line for line in before[0][f"{manifest.PATH}"].splitlines() if b"/large.jpg" in line]
    lines = after[0][f"{manifest.PATH}"].splitlines()
    assert sorted([*lines, *lost]) == sorted(before[0][f"{manifest.PATH}"].splitlines())


@slow
@needs_ray
def test_a_node_that_dies_changes_no_byte(cluster, project):
    driver = start_validate(project, until=COUNT / 4)
    cluster.kill(NODES[0])
    printed, warned = driver.communicate(timeout=60)
    assert driver.returncode == 0, warned
    assert "node 127.0.0.3 has stopped; others compute what it had" in warned
    found = {path: (project.folder / path).read_bytes() for path in outs("validate")}
    assert (found, printed) == outputs_here(project)


@slow
@needs_ray
def test_a_killed_run_goes_on_from_the_index(cluster, project, monkeypatch):
    driver = start_validate(project, until=0.4 * COUNT)
    driver.kill()
    driver.communicate()
    monkeypatch.chdir(project.folder)
    settings = params.load("validate", Params)
    with closing(FileIndex(database.cache_folder())) as index:  # to be told from those read again
        hashes = index.known(f.path for f in folders.find_files() if f.path.name != "empty.jpg")
        marked = {sha256: DecodeResult(77, 77, "PNG") for sha256 in hashes.values()}
        index.remember(recipe(settings), {}, marked)
    assert 0.4 * COUNT <= len(hashes) < COUNT
    outputs(project, "ray")
    rows = {Path(row.path): row.width for row in manifest.iter_rows(manifest.PATH)}
    assert {path for path, width in rows.items() if width == 77} == hashes.keys()
    assert len(rows) == COUNT + 21


@slow
@needs_ray
def test_without_its_head_it_stops_with_a_remedy_and_the_next_run_completes(project, monkeypatch):
    cluster = LocalCluster()
    try:
        cluster.add(NODES[0])
        for name, value in cluster.environment.items():
            monkeypatch.setenv(name, value)
        driver = start_validate(project, until=COUNT / 4)
        cluster.replace_head(driver, NODES[0])
        assert COUNT / 4 <= known(project) < COUNT
        assert outputs(project, "ray") == outputs_here(project)
    finally:
        cluster.close()


@slow
@needs_ray
@needs_s3
def test_workers_read_object_storage_themselves(images, finished, tmp_path, monkeypatch):
    project = copy(finished, tmp_path / "project")
    shutil.rmtree(project.folder / ".cache")
    shutil.rmtree(project.folder / "input")
    (project.folder / "input").mkdir()
    with s3_server.bucket("images", monkeypatch) as storage:
        storage.put(f"{images}/", "images/set/", recursive=True)
        project.shell(sys.executable, "-m", "classifier", "manifest", "s3://images/set")
        expected = outputs(project, "here"), extracted(project, "here")
        shutil.rmtree(project.folder / ".cache")
        cluster = LocalCluster()
        try:
            for name in NODES:
                cluster.add(name)
            for name, value in cluster.environment.items():
                monkeypatch.setenv(name, value)
            address = os.environ["AWS_ENDPOINT_URL"]
            # nothing answers there: this machine can read no image
            monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
            assert (outputs(project, "ray"), extracted(project, "ray")) == expected
            storage.pipe_file("images/set/test/n0.png", b"other bytes")
            shutil.rmtree(project.folder / ".cache")
            monkeypatch.setenv("AWS_ENDPOINT_URL", address)
            refused = project.stage("extract")
            path = "input/s3/images/set/test/n0.png"
            assert f"error: {path}: must be as `validate` has read it; got" in refused.stderr
            problems = outputs(project, "ray")[0]["results/problems.csv"].decode()
            changed = "unreadable,changed since the list of images was made; make it again"
            assert re.search(rf'^{path},"?{changed}"?,skipped', problems, re.M), problems
        finally:
            cluster.close()


def extracted(project, run_on):
    """Returns the features."""
    project.set("extract.run_on", run_on)
    done = project.stage("extract")
    assert done.returncode == 0, done.stderr
    paths = sorted((project.folder / "results").glob("features_*"))
    return [p.read_bytes() for path in paths for p in (path.glob("*") if path.is_dir() else [path])]
