"""Fixtures for all tests; slow ones are made once per test run and shared by its workers."""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from filelock import FileLock

from classifier.cache import fingerprint
from classifier.cluster import identity
from classifier.common.scratch import Scratch
from tests import s3_server, web_server
from tests.project import ROOT, SHARED, Project, commit, copy, make_project
from tests.ray_cluster import NODES, LocalCluster

# the machine's own git and DVC settings must not reach the tests, nor a proxy their local servers
os.environ |= {
    "DVC_NO_ANALYTICS": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "no_proxy": "127.0.0.1",
}
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # a script's background job ignores Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)  # and its children inherit that
hypothesis.settings.register_profile("shared machine", deadline=None)
hypothesis.settings.load_profile("shared machine")

ONE_WORKER = (  # tests that share a fixture of their own which takes seconds
    "tests/backbone/test_openvino_convert.py",
    "tests/commands/test_demo.py",
    "tests/commands/test_serve.py",
    "tests/inference/test_engine.py",
    "tests/stages/test_export.py",
    "tests/stages/train/test_fine_tuning.py",
    "tests/test_pipeline.py::TestTuned",
    "tests/test_pipeline.py::test_a_changed_param_reruns_exactly",
)
SharedFolder = Callable[[str, Callable[[Path], None]], Path]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object:
    """Hands out tests one by one, but those of an entry of ONE_WORKER to the same worker."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return next((start for start in ONE_WORKER if nodeid.startswith(start)), nodeid)

    return Scheduling(config, log)


@pytest.fixture(scope="session", autouse=True)
def outside_folders(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Moves what Keras and DVC write outside a project into the tests' temporary folder."""
    folder = tmp_path_factory.mktemp("outside")
    for name in (
        "KERAS_HOME",
        "DVC_SITE_CACHE_DIR",
        "DVC_SYSTEM_CONFIG_DIR",
        "DVC_GLOBAL_CONFIG_DIR",
    ):
        os.environ[name] = str(folder / name.lower())


@pytest.hookimpl(trylast=True)  # after -m has chosen
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts one module that uses `finished` first, then those that do not.

    So one process makes that project while another, which begins further on, need not wait for it.
    """
    users = {item.path for item in items if "finished" in getattr(item, "fixturenames", ())}
    first = next((item.path for item in items if item.path in users), None)
    items.sort(key=lambda item: 0 if item.path == first else 1 + (item.path in users))


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> SharedFolder:
    """Returns a function that fills a folder once per test run, in the first worker that asks."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent

    def filled(name: str, fill: Callable[[Path], None]) -> Path:
        folder, done = root / name, root / f"{name}.done"
        with FileLock(root / f"{name}.lock"):
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                fill(folder)
                done.touch()
        return folder

    return filled


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes every atomic write end on a full disk, Linux's /dev/full."""
    full, plain = Path("/dev/full"), Path.open
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    monkeypatch.setattr(
        Path, "open", lambda self, *a, **k: plain(full if self.suffix == ".part" else self, *a, **k)
    )


@pytest.fixture(scope="session")
def random_weights(shared_folder: SharedFolder) -> Path:
    """Random weights; their seed is not the one in params.yaml."""
    from stages import fetch

    folder = shared_folder(
        "weights", lambda folder: fetch.write_random(folder / "random.h5", seed=5)
    )
    return folder / "random.h5"


@pytest.fixture(scope="session")
def finished(shared_folder: SharedFolder, random_weights: Path) -> Project:
    """A project after `dvc repro`, to read but not to change."""

    def run(folder: Path) -> None:
        project = make_project(folder / "project", random_weights)
        (folder / "record").mkdir()
        with pytest.MonkeyPatch.context() as patch:  # for test_dvc_yaml.py
            patch.setenv("PYTHONPATH", str(ROOT / "tests" / "open_recorder"))
            patch.setenv("RECORD_FOLDER", str(folder / "record"))
            project.repro()
        commit(project, "first run")
        (folder / "output.txt").write_text(project.output, encoding="utf-8")

    folder = shared_folder("finished", run)
    project = Project(folder / "project")
    project.output = (folder / "output.txt").read_text(encoding="utf-8")
    return project


@pytest.fixture(scope="session")
def fine_tuned(finished: Project, shared_folder: SharedFolder) -> Project:
    """A finished project with maps, augmented copies, three views and fine-tuning, to read."""

    def run(folder: Path) -> None:
        project = copy(finished, folder / "project")
        for name, value in {
            "freeze.layers": ["mixed9"],
            "freeze.pooling": "none",
            "extract.augmented_copies": 1,
            "extract.tta_views": 3,
            "train.folds": 0,
            "train.fine_tune_epochs": 1,
            "train.fine_tune_learning_rate": 0.01,
        }.items():
            project.set(name, value)
        project.repro()
        (folder / "output.txt").write_text(project.output, encoding="utf-8")

    folder = shared_folder("fine_tuned", run)
    project = Project(folder / "project")
    project.output = (folder / "output.txt").read_text(encoding="utf-8")
    return project


@pytest.fixture(scope="session")
def images_under_dvc(finished: Project, shared_folder: SharedFolder) -> Project:
    """A finished project after `dvc add` of its images and a commit, to read."""

    def run(folder: Path) -> None:
        project = copy(finished, folder / "project")
        project.shell("dvc", "add", "input/train", "input/test")
        project.repro()
        commit(project, "images under DVC")

    return Project(shared_folder("images_under_dvc", run) / "project")


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    """A copy of the finished project that a test may change."""
    return copy(finished, tmp_path / "project")


@pytest.fixture
def results_only(finished: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The working directory: inputs, params and results of the finished project, without DVC."""
    for name in ("input", "models", "results", ".cache"):
        copy(Project(finished.folder / name), tmp_path / name)
    shutil.copy(finished.folder / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path)


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: a temporary folder that holds only params.yaml."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def set_param(inside: Path) -> Callable[[str, object], object]:
    """Sets `section.value` in the working directory's params.yaml."""
    return Project(inside).set


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Scratch]:
    """Temporary files for arrays."""
    with Scratch(tmp_path) as opened:
        yield opened


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """Serves a folder; yields it and its address."""
    folder = tmp_path / "served"
    folder.mkdir()
    with web_server.serve(folder) as address:
        yield folder, address


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Starts an S3 server with the bucket `images`; yields fsspec's access to it."""
    with s3_server.bucket("images", monkeypatch) as storage:
        yield storage


@pytest.fixture(scope="module")
def shared_cluster() -> Iterator[LocalCluster]:
    """The head of a Ray cluster."""
    cluster = LocalCluster()
    yield cluster
    cluster.close()


@pytest.fixture
def cluster(
    shared_cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> Iterator[LocalCluster]:
    """A Ray cluster with a node of one core on each of NODES, whatever became of those before."""
    for name in NODES:
        if name not in shared_cluster.nodes:
            shared_cluster.add(name)
    for name, value in shared_cluster.environment.items():
        monkeypatch.setenv(name, value)
    yield shared_cluster
    import ray  # not before: it reads the environment once

    ray.shutdown()


@pytest.fixture(params=["decoder", "processor"])
def unlike_workers(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> str:
    """Makes this machine unlike the workers; returns the pattern of the error that names one."""
    if request.param == "decoder":
        monkeypatch.setattr(fingerprint, "DECODE", 0)
        return r"node 127\.0\.0\.[34]: must have the libraries of .*decode 0.*got decode 1"
    (tmp_path / "cpuinfo").write_text("flags : fpu sse4_2 avx1024\n")
    monkeypatch.setattr(identity, "CPU_INFO", tmp_path / "cpuinfo")
    return r"node 127\.0\.0\.[34]: must have the processor .* got one without avx1024"


@pytest.fixture(scope="session")
def real_weights() -> Path:
    """InceptionV3's ImageNet weights, if they are in the folder `shared` beside the project."""
    path = SHARED / "weights" / "inception_v3_partial_notop.h5"
    if not path.exists():
        pytest.skip(f"{path.name} is not in the folder `shared` beside the project")
    return path


@pytest.fixture(scope="session")
def photographs() -> list[Path]:
    """A few photographs, if they are in the folder `shared` beside the project."""
    paths = sorted((SHARED / "images" / "cats_dogs" / "test").rglob("*.jpg"))[::10]
    if not paths:
        pytest.skip("no photographs in the folder `shared` beside the project")
    return paths
