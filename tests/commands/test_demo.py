import shutil
import sys

import pytest

from classifier.commands import demo
from tests.project import ROOT, Project

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The demo, run where no weights can be had."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "stages", folder / "stages", ignore=shutil.ignore_patterns("__pyc*"))
    for name in demo.COPIED:
        shutil.copy(ROOT / name, folder / name)
    project = Project(folder)
    quick = {"freeze.image_height": 75, "freeze.image_width": 75, "train.epochs": 3}
    for name, value in quick.items():
        project.set(name, value)
    closed = {
        "https_proxy": "http://127.0.0.1:9",
        "KERAS_HOME": str(tmp_path_factory.mktemp("keras")),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in closed.items():
            patch.setenv(name, value)
        before = sorted(path.name for path in folder.iterdir())
        done = project.shell(sys.executable, "-m", "classifier", "demo")
        again = project.shell(sys.executable, "-m", "classifier", "demo")
    return project, before, done, again


def test_it_goes_from_nothing_to_a_table_of_predictions(run):
    project, _, done, _ = run
    rows = [line for line in done.stdout.splitlines() if line.startswith("input/test/photo_")]
    assert len(rows) == 12
    assert all(row.split()[1] == "ok" for row in rows)
    assert "demo/results/predictions.csv" in done.stdout
    assert len(list((project.folder / "demo" / "input").rglob("*.jpg"))) == 84


def test_without_weights_it_says_so_unmistakably(run):
    _, _, done, _ = run
    assert "error: no ImageNet weights: download failed" in done.stderr
    assert "RANDOM weights stand in" in done.stdout
    for stage in ("evaluate", "predict", "export"):
        said = [line for line in done.stdout.splitlines() if line.startswith(f"{stage}: ")]
        assert "RANDOM weights, for trying things out only" in said[-1]


def test_the_checkout_around_it_stays_as_it_was(run):
    project, before, _, _ = run
    after = {path.name for path in project.folder.iterdir()} - set(before)
    assert after <= {"demo", "stages", "__pycache__"}
    assert "weights: imagenet" in (project.folder / "params.yaml").read_text()


def test_a_second_demo_computes_nothing_again(run):
    _, _, _, again = run
    assert "Running stage 'extract'" not in again.stdout
    assert "the images of an earlier run are in demo/input" in again.stdout


def test_dvc_needs_no_git_for_it(run):
    project, _, _, _ = run
    assert "no_scm = true" in (project.folder / "demo" / ".dvc" / "config").read_text()
    assert not (project.folder / ".git").exists()
