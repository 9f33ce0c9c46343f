import shutil
import sys
from types import SimpleNamespace

import pytest

from classifier.commands import _demo_folder as folder
from classifier.commands import _demo_params as demo_params
from classifier.common.errors import StageError
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
    quick = {
        "freeze.layers": ["mixed1"],
        "freeze.image_height": 75,
        "freeze.image_width": 75,
        "freeze.precision": "float32",
        "train.epochs": 3,
    }
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


@pytest.fixture
def checkout(inside):
    """The working directory: a small pipeline, and its demo."""
    for code in ("classifier", "stages"):
        (inside / code).mkdir()
        (inside / code / "a.py").write_text("1")
    (inside / "dvc.yaml").write_text("stages: {a: {cmd: a, outs: [results/a.csv]}}")
    (inside / ".dvcignore").touch()
    assert folder.prepare()
    return inside


def test_edited_params_of_an_earlier_demo_are_kept(checkout, capsys):
    copy = checkout / "demo" / "params.yaml"
    edited = copy.read_text().replace("epochs: 200", "epochs: 9")
    copy.write_text(edited)
    assert not folder.prepare()
    assert copy.read_text() == edited
    assert "demo: keeping your demo/params.yaml" in capsys.readouterr().out


def test_params_of_an_earlier_version_that_were_not_edited_are_replaced(checkout):
    path, copy = checkout / "params.yaml", checkout / "demo" / "params.yaml"
    path.write_text(path.read_text() + "# new\n")
    assert folder.prepare()
    assert copy.read_text().endswith("# new\n")
    assert demo_params.use_random_weights(copy)
    path.write_text(path.read_text() + "# newer\n")
    assert folder.prepare()
    assert copy.read_text().endswith("# newer\n")


def test_the_demo_is_deleted_whatever_the_source(checkout):
    (checkout / "params.yaml").write_text("dataset: {source: s3://b/flowers.csv}\n")
    folder.delete()
    assert not (checkout / "demo").exists()


def test_the_demo_uses_its_own_images_whatever_the_source(inside, set_param):
    path, copy = inside / "params.yaml", inside / "demo.yaml"
    before = path.read_text()
    path.write_text(before.replace("source: input ", "source: s3://b/flowers.csv "))
    demo_params.copy_params(copy)
    assert copy.read_text() == before
    path.write_text(before.replace("source: input ", "# a comment\n  source: s3://b/flowers.csv "))
    with pytest.raises(
        StageError, match=r"^params\.yaml: dataset\.source must be input for the demo"
    ):
        demo_params.copy_params(copy)


def test_random_weights_of_an_earlier_demo_are_not_kept(inside):
    copy = inside / "demo.yaml"
    demo_params.copy_params(copy)
    assert demo_params.use_random_weights(copy)
    demo_params.copy_params(copy)
    assert copy.read_text() == (inside / "params.yaml").read_text()


def test_code_that_was_not_edited_is_updated(checkout):
    (checkout / "stages" / "a.py").write_text("2")
    (checkout / "stages" / "b.py").write_text("new")
    folder.prepare()
    assert (checkout / "demo" / "stages" / "a.py").read_text() == "2"
    assert (checkout / "demo" / "stages" / "b.py").exists()


@pytest.mark.parametrize("name", ["stages/a.py", "stages/mine.py", "dvc.yaml"])
def test_edited_code_is_kept_as_a_whole(name, checkout, capsys):
    edited = checkout / "demo" / name
    edited.write_text("stages: {}")
    (checkout / "classifier" / "a.py").write_text("2")
    folder.prepare()
    assert edited.read_text() == "stages: {}"
    assert (checkout / "demo" / "classifier" / "a.py").read_text() == "1"
    assert f"demo: keeping your code; changed: demo/{name}" in capsys.readouterr().out


def test_linked_params_are_replaced_not_written_through(checkout):
    copy = checkout / "demo" / "params.yaml"
    copy.unlink()
    copy.symlink_to("../params.yaml")
    folder.prepare()
    assert demo_params.use_random_weights(copy)
    assert "weights: imagenet" in (checkout / "params.yaml").read_text()


@pytest.mark.parametrize("kind", ["a file", "a link", "another folder"])
def test_a_demo_that_is_something_else_is_an_error(kind, inside):
    if kind == "a file":
        (inside / "demo").touch()
    else:
        (inside / "mine").mkdir()
        (inside / "mine" / "photo.jpg").touch()
        (inside / "demo").symlink_to("mine")
    if kind == "another folder":
        (inside / "demo").unlink()
        (inside / "mine").rename(inside / "demo")
    before = sorted(inside.rglob("*"))
    for action in (folder.prepare, folder.delete):
        with pytest.raises(StageError, match=f"must be a folder of the demo; got {kind}: move it"):
            action()
    assert sorted(inside.rglob("*")) == before


def test_a_demo_without_files_of_the_users_is_deleted(checkout):
    (checkout / "demo" / "results").mkdir()
    for name in ("results/a.csv", "dvc.lock", ".dvc/tmp"):
        (checkout / "demo" / name).touch()
    demo_params.use_random_weights(checkout / "demo" / "params.yaml")
    folder.delete()
    folder.delete()
    assert not (checkout / "demo").exists() and (checkout / "params.yaml").exists()


@pytest.mark.parametrize("name", ["input/train/apple/mine.jpg", "results/notes.txt", "params.yaml"])
def test_a_demo_with_files_of_the_users_is_not_deleted(name, checkout):
    mine = checkout / "demo" / name
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("mine")
    with pytest.raises(StageError, match=f"must hold no files of yours .* got demo/{name}: move"):
        folder.delete()
    assert mine.read_text() == "mine"
