"""Whatever happens to a cluster: the same bytes as on one machine, and nothing computed in vain.

Real clusters of Ray; CONTRIBUTING.md says how to run these tests.
"""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from functools import partial
from itertools import groupby
from pathlib import Path

import pytest

from classifier.cluster.connection import this_node
from classifier.common import params
from classifier.common.errors import StageError
from classifier.dataset import manifest
from classifier.images import augmentation
from stages.extract import images, ray_worker
from stages.extract.params import Params
from stages.extract.ray_pool import RayPool
from stages.extract.threads import Threads
from tests.feature_tables import contents
from tests.project import Project, draw, make_project
from tests.ray_cluster import NODES, LocalCluster, needs_ray

pytestmark = [pytest.mark.slow, needs_ray]

COUNT = 160  # images


@pytest.fixture(scope="module")
def project(shared_folder, random_weights):
    def fill(folder):
        made = make_project(folder / "project", random_weights)
        for number in range(COUNT):
            draw(made.folder / "input" / "test" / f"{number}.png", "circle", 500 + number)
        made.set("extract.run_on", "ray")
        for stage in ("params", "validate", "fetch", "freeze"):
            done = made.stage(stage)
            assert done.returncode == 0, done.stderr
        return made

    return Project(shared_folder("ray", fill) / "project")


@pytest.fixture
def groups(project, monkeypatch):
    monkeypatch.chdir(project.folder)
    settings = params.load("extract", Params)
    views = augmentation.all_views(manifest.iter_rows(manifest.PATH), settings, "")
    return [list(image) for _, image in groupby(views, key=lambda view: view.row.path)]


def logged(views, content=None, *, log, dies=(), apart=False, **options):
    """Decodes as `extract` does, and notes path and node; may die, or know only files sent."""
    with Path(log).open("a", encoding="utf-8") as file:
        file.write(f"{views[0].row.path} {this_node()}\n")
    if views[0].row.path in dies:
        os.kill(os.getpid(), signal.SIGKILL)
    if apart and content is None:
        raise images.changed(views[0].row.path)
    time.sleep(0.02)
    return images.decode_views(views, content, **options)


@pytest.fixture
def pool(tmp_path, groups):
    settings = params.load("extract", Params)
    folder = Path("models/base")

    def make(batch_size=8, **options):
        decode = partial(logged, log=tmp_path / "log", **options)
        decode = partial(decode, height=75, width=75, ranges=settings)
        return RayPool(folder, decode, batch_size, lambda text: None)

    plain = partial(images.decode_views, height=75, width=75, ranges=settings)
    identity = ray_worker.of_machine(folder).fingerprint
    make.expected = rows(Threads(folder, identity, plain, 8, 1).map(groups, len(groups)))
    make.decoded = lambda: (tmp_path / "log").read_text().splitlines()
    return make


def rows(computed):
    """Returns features and checksum of each key."""
    return {
        key: (row.tobytes(), checksum)
        for batch in computed
        for key, row, checksum in zip(*batch, strict=True)
    }


@pytest.mark.parametrize("batch_size", [1, 8, 32])
def test_the_features_are_those_of_this_machine(batch_size, cluster, pool, groups):
    assert rows(pool(batch_size).map(groups, len(groups))) == pool.expected
    assert len(pool.decoded()) == len(groups)


def test_a_node_that_dies_costs_only_what_it_was_computing(cluster, pool, groups):
    found, longest, before = {}, 0.0, time.monotonic()
    for computed in pool(8).map(groups, len(groups)):
        longest, before = max(longest, time.monotonic() - before), time.monotonic()
        if len(found) < len(groups) / 4 <= len(found | rows([computed])):
            cluster.kill(NODES[0])
        found |= rows([computed])
    assert found == pool.expected
    assert len(pool.decoded()) - len(groups) <= 2 * len(NODES) * 8
    assert longest < 30


def test_a_node_that_joins_is_used(cluster, pool, groups):
    cluster.kill(NODES[1])
    found = rows([next(running := pool(4).map(groups, len(groups)))])
    cluster.add(NODES[1])
    assert found | rows(running) == pool.expected
    assert any(line.endswith(f" {NODES[1]}") for line in pool.decoded())


def test_an_image_that_ends_its_worker_is_named_and_the_others_are_computed(cluster, pool, groups):
    culprit = groups[5][0].row.path
    found = {}
    with pytest.raises(StageError, match=rf"^{culprit}: crashed .* remove or replace it$"):
        for computed in pool(8, dies=(culprit,)).map(groups, len(groups)):
            found |= rows([computed])
    fellows = {view.key for group in groups[:8] for view in group} - {groups[5][0].key}
    assert fellows <= found.keys()
    assert found.items() <= pool.expected.items()


def test_files_that_workers_do_not_have_are_sent(cluster, pool, groups):
    assert rows(pool(8, apart=True).map(groups, len(groups))) == pool.expected


def test_a_machine_that_would_compute_other_features_is_refused(
    cluster, pool, groups, tmp_path, unlike_workers
):
    asked = pool(8)
    with pytest.raises(StageError, match=unlike_workers) as raised:
        next(asked.map(groups, len(groups)))
    assert len(raised.value.messages) <= len(NODES)
    assert not (tmp_path / "log").exists()


def cached(project):
    for path in (project.folder / ".cache" / "features").glob("*.sqlite"):
        with sqlite3.connect(path) as connection:
            return connection.execute("SELECT count(*) FROM keys").fetchone()[0]
    return 0


def start_extract(project, cluster, until):
    """Starts the stage without cached features, and returns once it has computed `until`."""
    for path in (project.folder / ".cache" / "features").glob("*"):
        path.unlink()
    driver = subprocess.Popen(
        [sys.executable, "-m", "stages.extract"],
        cwd=project.folder,
        env=os.environ | cluster.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while cached(project) < until:
        assert driver.poll() is None, driver.stderr.read()
        time.sleep(0.01)
    return driver


def outputs(project):
    tables = sorted((project.folder / "results").glob("features_*"))
    assert len(tables) == 3
    return [contents(path) for path in tables]


def extract_here(project):
    project.set("extract.run_on", "here")
    assert project.stage("extract").returncode == 0
    project.set("extract.run_on", "ray")
    return outputs(project)


def test_a_killed_run_goes_on_from_the_cache(cluster, project):
    driver = start_extract(project, cluster, until=0.4 * COUNT)
    driver.kill()
    driver.communicate()
    done = cached(project)
    again = project.stage("extract")
    total = COUNT + 21  # those of `make_project`
    assert f" {total} images, {total - done} new " in again.stdout, again.stderr
    assert outputs(project) == extract_here(project)


def test_without_its_head_it_stops_with_a_remedy_and_the_next_run_completes(project, monkeypatch):
    cluster = LocalCluster()
    try:
        cluster.add(NODES[0])
        driver = start_extract(project, cluster, until=0.2 * COUNT)
        cluster.replace_head(driver, NODES[0])
        for name, value in cluster.environment.items():
            monkeypatch.setenv(name, value)
        again = project.stage("extract")
        assert again.returncode == 0, again.stderr
        assert outputs(project) == extract_here(project)
    finally:
        cluster.close()
