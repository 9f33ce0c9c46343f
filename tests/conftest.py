"""What the tests share as fixtures."""

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

from tests.project import ROOT, SHARED, Project, commit, copy, make_project

# what is set up on this machine must not reach the tests, nor a proxy their local servers
os.environ |= {
    "DVC_NO_ANALYTICS": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "no_proxy": "127.0.0.1",
}
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as in the background of a script:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # or no program of ours hears Ctrl-C
hypothesis.settings.register_profile("shared machine", deadline=None)
hypothesis.settings.load_profile("shared machine")


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets every file written through `outputs.whole` end on a full disk: Linux's /dev/full."""
    full, plain = Path("/dev/full"), Path.open
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    monkeypatch.setattr(
        Path, "open", lambda self, *a, **k: plain(full if self.suffix == ".part" else self, *a, **k)
    )


@pytest.fixture(scope="session")
def random_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of a seed that is not the one in params.yaml."""
    from stages import fetch

    path = tmp_path_factory.mktemp("weights") / "random.h5"
    fetch.write_random(path, seed=5)
    return path


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, random_weights: Path) -> Project:
    """A project after `dvc repro`: to read from, not to change."""
    project = make_project(tmp_path_factory.mktemp("finished"), random_weights)
    project.repro()
    commit(project, "first run")
    return project


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    """A copy of the finished project, to change at will."""
    return copy(finished, tmp_path / "project")


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder as the working directory, with the project's params.yaml."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def set_param(inside: Path) -> Callable[[str, object], object]:
    """Sets `section.value` in the working directory's params.yaml."""
    return Project(inside).set


@pytest.fixture(scope="session")
def real_weights() -> Path:
    """InceptionV3's trained weights, where they lie beside the project."""
    path = SHARED / "weights" / "inception_v3_partial_notop.h5"
    if not path.exists():
        pytest.skip(f"{path.name} is not in the folder `shared` beside the project")
    return path


@pytest.fixture(scope="session")
def photographs() -> list[Path]:
    """A few real photographs, where they lie beside the project."""
    paths = sorted((SHARED / "images" / "cats_dogs" / "test").rglob("*.jpg"))[::10]
    if not paths:
        pytest.skip("no photographs in the folder `shared` beside the project")
    return paths
