import shutil
import sys
from types import SimpleNamespace

import pytest

from classifier.commands import demo
from tests.project import ROOT, Project


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Two demos in a row, without network access."""
    folder = tmp_path_factory.mktemp("checkout")
    for code in ("classifier", "stages"):
        shutil.copytree(ROOT / code, folder / code, ignore=shutil.ignore_patterns("__pyc*"))
    for name in ("dvc.yaml", "params.yaml", ".dvcignore"):
        shutil.copy(ROOT / name, folder / name)
    project = Project(folder)
    quick = {"freeze.image_height": 75, "freeze.image_width": 75, "train.epochs": 3}
    for name, value in quick.items():
        project.set(name, value)
    offline = {
        "https_proxy": "http://127.0.0.1:9",
        "KERAS_HOME": str(tmp_path_factory.mktemp("keras")),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in offline.items():
            patch.setenv(name, value)
        before = {path.name for path in folder.iterdir()}
        first = project.shell(sys.executable, "-m", "classifier", "demo")
        again = project.shell(sys.executable, "-m", "classifier", "demo")
    return SimpleNamespace(project=project, before=before, first=first, again=again)


@pytest.mark.slow
def test_it_prints_a_line_per_stage_predictions_and_the_test_accuracy(run):
    lines = run.first.stdout.splitlines()
    assert [line for line in lines if line.startswith("input/test/apple/photo_")]
    assert "... and 6 more" in lines
    assert [
        line for line in lines if line.startswith("test accuracy: ") and " of 12 images" in line
    ]
    assert "demo/results/predictions.csv" in run.first.stdout
    assert len(list((run.project.folder / "demo" / "input").rglob("*.jpg"))) == 84


@pytest.mark.slow
def test_without_a_download_it_warns_of_random_weights(run):
    assert "error: no ImageNet weights: download failed" in run.first.stderr
    assert "Random weights  *\n*  are used for this demo" in run.first.stdout
    for stage in ("evaluate", "predict", "export"):
        (line,) = (s for s in run.first.stdout.splitlines() if s.startswith(f"{stage}: "))
        assert "RANDOM weights" in line


@pytest.mark.slow
def test_it_changes_nothing_outside_its_folder(run):
    assert {path.name for path in run.project.folder.iterdir()} - run.before == {"demo"}
    assert "weights: imagenet" in (run.project.folder / "params.yaml").read_text()


@pytest.mark.slow
def test_a_second_demo_runs_no_stage_again(run):
    assert "extract: " not in run.again.stdout
    assert "demo: keeping the images in demo/input" in run.again.stdout
    assert run.again.stdout.split("\npath ")[1] == run.first.stdout.split("\npath ")[1]


@pytest.mark.slow
def test_it_needs_no_git(run):
    assert "no_scm = true" in (run.project.folder / "demo" / ".dvc" / "config").read_text()
    assert not (run.project.folder / ".git").exists()


def test_edited_params_of_an_earlier_demo_are_kept(inside, capsys):
    (inside / "demo").mkdir()
    copy = inside / "demo" / "params.yaml"
    demo.copy_params(copy)
    edited = copy.read_text().replace("epochs: 200", "epochs: 9")
    copy.write_text(edited)
    demo.copy_params(copy)
    assert copy.read_text() == edited
    assert "demo: keeping your" in capsys.readouterr().out


def test_random_weights_of_an_earlier_demo_are_not_kept(inside):
    copy = inside / "demo.yaml"
    demo.copy_params(copy)
    assert demo.use_random_weights(copy)
    demo.copy_params(copy)
    assert copy.read_text() == (inside / "params.yaml").read_text()
